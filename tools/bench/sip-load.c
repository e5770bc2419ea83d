/* SIP load over UDP on the loopback device: registrations, calls or OPTIONS, with digest, in a closed loop or at a steady rate.
 * Prints one line of JSON. The usage text below says how. Build: cc -O2 -o sip-load *.c -lm
 *
 *   register   REGISTER, 401, REGISTER, 200
 *   call       INVITE, 407, ACK, INVITE, 180, 200, ACK, BYE, 200; caller and callee are both here
 *   options    OPTIONS, 200
 *
 * A request that gets no answer is sent again after 0.5 s, then after 1, 2 and 4 s, seven times in all. Delays are those of single
 * requests, from the first sending to the final answer. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "sip-load.h"

enum {
  WINDOW_MAX = 16384,
  COUNT_MAX = 10000000,
  SECONDS_MAX = 300,
  /* Final answers that one registration or call can get. */
  ANSWERS_EACH_MAX = 4,
  SOCKET_BUFFER = 4 << 20,
  RESENDS_MAX = 7,
  ROUNDS_PER_POLL = 8,
};
static const uint64_t RESEND_CHECK_NS = 50000000;
static const long PACE_NS = 500000, PAUSE_NS = 20000000;

static const char usage[] =
    "usage: sip-load register|call|options [options]\n"
    "  -s ADDRESS  of the server, 127.… (127.0.0.1)\n"
    "  -a ADDRESS  of caller and callee, 127.… (127.0.0.1)\n"
    "  -p PORT     of the server (5060)\n"
    "  -l PORT     of the caller (5061)\n"
    "  -c PORT     of the callee, which registrations name (5070)\n"
    "  -d DOMAIN   of the accounts u000000, u000001 … with the passwords pw0, pw1 … (example.test)\n"
    "  -u USERS    accounts that are used in turn (1000)\n"
    "  -n COUNT    registrations, calls or OPTIONS in all (10000; at most 10000000)\n"
    "  -w WINDOW   under way at any time, at most (64; at most 16384)\n"
    "  -r RATE     begun per second; 0: the next when one has ended (0)\n"
    "  -t SECONDS  after which it ends, whatever is left (60; at most 300)\n"
    "Exit status: 0 all succeeded, 1 some failed or were not begun, 2 usage.\n";

struct settings settings = {
    .domain = "example.test", .server_host = "127.0.0.1", .local_host = "127.0.0.1", .server_port = 5060,
    .local_port = 5061, .callee_port = 5070, .users = 1000, .window = 64, .count = 10000, .rate = 0, .seconds_max = 60};
struct totals totals;
struct outbox caller, callee;
struct slot *slots;
int slots_used;

static struct sockaddr_in server;
static float *delays;
static long delays_count, delays_max;

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

char *outbox_room(struct outbox *box) {
  if (box->count == BATCH) outbox_send(box);
  return box->bytes[box->count];
}

void outbox_keep(struct outbox *box, int length) { box->length[box->count++] = length; }

void outbox_send(struct outbox *box) {
  if (box->count == 0) return;
  struct mmsghdr headers[BATCH] = {0};
  struct iovec parts[BATCH];
  for (int i = 0; i < box->count; i++) {
    parts[i] = (struct iovec){box->bytes[i], (size_t)box->length[i]};
    headers[i].msg_hdr =
        (struct msghdr){.msg_name = &server, .msg_namelen = sizeof server, .msg_iov = &parts[i], .msg_iovlen = 1};
  }
  for (int at = 0; at < box->count;) {
    int sent = sendmmsg(box->socket, headers + at, (unsigned)(box->count - at), 0);
    if (sent > 0) at += sent;
    else if (errno == ECONNREFUSED) at++;
    else if (errno == EAGAIN || errno == ENOBUFS) poll(&(struct pollfd){box->socket, POLLOUT, 0}, 1, 1);
    else if (errno != EINTR) fail("sendmmsg");
  }
  totals.sent += box->count;
  box->count = 0;
}

void note_answer(const struct slot *slot) {
  if (delays_count < delays_max) delays[delays_count++] = (float)(now() - slot->sent_at) / 1000;
}

static struct sockaddr_in address_of(const char *host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

static int open_socket(int port) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = SOCKET_BUFFER;
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  struct sockaddr_in local = address_of(settings.local_host, port);
  if (bind(fd, (struct sockaddr *)&local, sizeof local) != 0) fail("bind");
  return fd;
}

/* Takes what waits at a socket, a batch at most, and returns how much that was. */
static int receive(int socket, void (*received)(char *)) {
  static char bytes[BATCH][DATAGRAM_MAX + 1];
  struct mmsghdr headers[BATCH] = {0};
  struct iovec parts[BATCH];
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){bytes[i], DATAGRAM_MAX};
    headers[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  int count = recvmmsg(socket, headers, BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i++) {
    bytes[i][headers[i].msg_len] = 0;
    received(bytes[i]);
  }
  return count > 0 ? count : 0;
}

static void receive_all(void) {
  for (int round = 0; round < ROUNDS_PER_POLL; round++) {
    int count = receive(caller.socket, caller_received);
    if (settings.mode == CALL) count += receive(callee.socket, callee_received);
    outbox_send(&caller);
    outbox_send(&callee);
    if (count == 0) return;
  }
}

/* Begins what is due. Returns how many have been begun in all. */
static long begin_due(long begun, uint64_t started) {
  static int next;
  long due = settings.count;
  if (settings.rate > 0) {
    double by_now = (double)(now() - started) / 1e9 * settings.rate + 1;
    if (by_now < (double)due) due = (long)by_now;
  }
  for (; begun < due && slots_used < settings.window; begun++) {
    while (slots[next].state != FREE) next = (next + 1) % settings.window;
    begin(next, begun);
  }
  return begun;
}

static void send_late_again(void) {
  uint64_t time = now();
  for (int i = 0; i < settings.window; i++) {
    struct slot *slot = &slots[i];
    if (slot->state == FREE || time < slot->resend_at) continue;
    if (slot->resends < RESENDS_MAX) send_again(slot);
    else end_slot(slot, 0);
  }
}

static void wait_for_answers(int pacing) {
  struct pollfd sockets[2] = {{caller.socket, POLLIN, 0}, {callee.socket, POLLIN, 0}};
  nfds_t count = settings.mode == CALL ? 2 : 1;
  struct timespec pause = {0, pacing ? PACE_NS : PAUSE_NS};
  ppoll(sockets, count, &pause, NULL);
}

static int by_size(const void *one, const void *other) {
  float a = *(const float *)one, b = *(const float *)other;
  return (a > b) - (a < b);
}

static double delay_at(double share) {
  return delays_count == 0 ? 0 : delays[(long)((double)(delays_count - 1) * share)];
}

static void report(const char *mode, double seconds) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  qsort(delays, (size_t)delays_count, sizeof *delays, by_size);
  printf("{\"mode\":\"%s\",\"done\":%ld,\"failed\":%ld,\"resent\":%ld,\"strays\":%ld,\"seconds\":%.3f,\"perSecond\":%.0f,"
         "\"messagesPerSecond\":%.0f,\"p50Us\":%.0f,\"p99Us\":%.0f,\"p999Us\":%.0f,\"maxUs\":%.0f,\"cpuShare\":%.2f}\n",
         mode, totals.done, totals.failed, totals.resent, totals.strays, seconds, (double)totals.done / seconds,
         (double)(totals.sent + totals.received) / seconds, delay_at(.5), delay_at(.99), delay_at(.999), delay_at(1),
         cpu / seconds);
}

static double number(const char *text, double min, double max) {
  char *end;
  double value = strtod(text, &end);
  if (*text && !*end && value >= min && value <= max) return value;
  fprintf(stderr, "sip-load: %s is not a number from %.0f to %.0f\n%s", text, min, max, usage);
  exit(2);
}

static int port(const char *text) { return (int)number(text, 1, 65535); }

/* Of this machine: this is no tool to flood others with. */
static const char *loopback(const char *text) {
  struct in_addr address;
  if (inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET) return text;
  fprintf(stderr, "sip-load: %s is no address of the loopback device\n%s", text, usage);
  exit(2);
}

static void read_arguments(int count, char **values) {
  static const char *const modes[] = {"register", "call", "options"};
  int mode = 0;
  while (count > 1 && mode < 3 && strcmp(values[1], modes[mode]) != 0) mode++;
  if (count < 2 || mode == 3) {
    fputs(usage, stderr);
    exit(2);
  }
  settings.mode = (enum mode)mode;
  for (int option; (option = getopt(count - 1, values + 1, "s:a:p:l:c:d:u:n:w:r:t:")) != -1;) {
    switch (option) {
      case 's': settings.server_host = loopback(optarg); break;
      case 'a': settings.local_host = loopback(optarg); break;
      case 'p': settings.server_port = port(optarg); break;
      case 'l': settings.local_port = port(optarg); break;
      case 'c': settings.callee_port = port(optarg); break;
      case 'd': settings.domain = optarg; break;
      case 'u': settings.users = (int)number(optarg, 1, 1000000); break;
      case 'n': settings.count = (long)number(optarg, 1, COUNT_MAX); break;
      case 'w': settings.window = (int)number(optarg, 1, WINDOW_MAX); break;
      case 'r': settings.rate = number(optarg, 0, 1000000); break;
      case 't': settings.seconds_max = number(optarg, 1, SECONDS_MAX); break;
      default: fputs(usage, stderr); exit(2);
    }
  }
}

int main(int count, char **values) {
  read_arguments(count, values);
  slots = calloc((size_t)settings.window, sizeof *slots);
  delays_max = settings.count * ANSWERS_EACH_MAX;
  delays = malloc((size_t)delays_max * sizeof *delays);
  if (!slots || !delays) fail("memory");
  server = address_of(settings.server_host, settings.server_port);
  caller.socket = open_socket(settings.local_port);
  callee.socket = settings.mode == CALL ? open_socket(settings.callee_port) : -1;

  long begun = 0;
  uint64_t started = now(), checked = started;
  while (totals.done + totals.failed < settings.count) {
    uint64_t time = now();
    if ((double)(time - started) / 1e9 > settings.seconds_max) break;
    begun = begin_due(begun, started);
    outbox_send(&caller);
    wait_for_answers(settings.rate > 0 && begun < settings.count);
    receive_all();
    if (time - checked < RESEND_CHECK_NS) continue;
    checked = time;
    send_late_again();
  }
  report(values[1], (double)(now() - started) / 1e9);
  return totals.done == settings.count ? 0 : 1;
}
