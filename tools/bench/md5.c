/* MD5 for digest authentication: short texts, one call each. */
#include "md5.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64, PADDED_MAX = MD5_TEXT_MAX + 2 * BLOCK };

static const unsigned char shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

/* Integer parts of 2^32 times |sin i|, i = 1 … 64 (RFC 1321 §3.4). */
static const uint32_t *sines(void) {
  static uint32_t table[64];
  if (table[0] == 0)
    for (int i = 0; i < 64; i++) table[i] = (uint32_t)(fabs(sin(i + 1)) * 4294967296.0);
  return table;
}

static uint32_t rotate(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

static void take_block(uint32_t state[4], const unsigned char *block) {
  const uint32_t *table = sines();
  uint32_t words[16];
  memcpy(words, block, sizeof words);
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  for (int i = 0; i < 64; i++) {
    uint32_t mixed;
    int word;
    switch (i / 16) {
      case 0: mixed = (b & c) | (~b & d), word = i; break;
      case 1: mixed = (d & b) | (~d & c), word = (5 * i + 1) % 16; break;
      case 2: mixed = b ^ c ^ d, word = (3 * i + 5) % 16; break;
      default: mixed = c ^ (b | ~d), word = 7 * i % 16;
    }
    uint32_t sum = a + mixed + table[i] + words[word];
    a = d, d = c, c = b;
    b += rotate(sum, shifts[i / 16][i % 4]);
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

void md5_hex(const char *text, size_t length, char out[33]) {
  if (length > MD5_TEXT_MAX) {
    fprintf(stderr, "sip-load: a text of %zu octets is too long for MD5\n", length);
    exit(1);
  }
  unsigned char padded[PADDED_MAX] = {0};
  size_t total = ((length + 8) / BLOCK + 1) * BLOCK;
  uint64_t bits = (uint64_t)length * 8;
  memcpy(padded, text, length);
  padded[length] = 0x80;
  memcpy(padded + total - 8, &bits, 8);

  uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  for (size_t at = 0; at < total; at += BLOCK) take_block(state, padded + at);
  const unsigned char *digest = (const unsigned char *)state;
  for (int i = 0; i < 16; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
