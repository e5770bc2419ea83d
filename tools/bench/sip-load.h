/* What the files of sip-load share: see sip-load.c for what it does. */
#ifndef SIP_LOAD_H
#define SIP_LOAD_H
#include <stdint.h>

enum {
  DATAGRAM_MAX = 2048,
  /* Datagrams of one system call. */
  BATCH = 64,
  ROUTES_MAX = 1024,
  URI_MAX = 256,
  TAG_MAX = 128,
};

enum mode { REGISTER, CALL, OPTIONS };

struct settings {
  enum mode mode;
  const char *domain;
  /* IPv4 addresses. */
  const char *server_host, *local_host;
  int server_port, local_port, callee_port;
  int users, window;
  long count;
  /* Begun per second; 0: the next begins when one has ended. */
  double rate;
  double seconds_max;
};
extern struct settings settings;

/* One registration, call or OPTIONS under way. */
enum state { FREE, BEGUN, PROVEN, ENDING };
struct slot {
  enum state state;
  /* The how manieth it is; also tells answers to an earlier user of the slot apart. */
  long sequence;
  int user, cseq, resends;
  uint64_t sent_at, resend_at;
  /* The request that waits for its answer. */
  char last[DATAGRAM_MAX];
  int last_length;
  /* Of the dialog: ";tag=…" or nothing, Route lines, where the callee is. */
  char to_tag[TAG_MAX], routes[ROUTES_MAX], contact[URI_MAX];
};

struct totals {
  long done, failed, resent, strays, sent, received;
};
extern struct totals totals;

/* Datagrams that leave together. */
struct outbox {
  int socket, count;
  int length[BATCH];
  char bytes[BATCH][DATAGRAM_MAX];
};
extern struct outbox caller, callee;

/* Nanoseconds of a clock that only goes forward. */
uint64_t now(void);
/* Room for one datagram; sends what waits when there is none. */
char *outbox_room(struct outbox *box);
/* What was written to the room is a datagram of so many octets. */
void outbox_keep(struct outbox *box, int length);
void outbox_send(struct outbox *box);
/* A request was answered; the time since it was first sent counts. */
void note_answer(const struct slot *slot);

extern struct slot *slots;
/* Slots that are not free. */
extern int slots_used;

/* scenario.c */
void begin(int index, long sequence);
void send_again(struct slot *slot);
void end_slot(struct slot *slot, int succeeded);
/* `message` ends with a zero. */
void caller_received(char *message);
void callee_received(char *message);

#endif
