#ifndef MD5_H
#define MD5_H
#include <stddef.h>

/* Longest text that md5_hex takes, in octets. */
enum { MD5_TEXT_MAX = 1000 };

/* MD5 of a text as 32 hexadecimal digits and a zero (RFC 1321). Ends the program when the text is longer than MD5_TEXT_MAX. */
void md5_hex(const char *text, size_t length, char out[33]);

#endif
