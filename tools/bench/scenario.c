/* The messages of registrations and calls, and what follows on which answer. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "md5.h"
#include "sip-load.h"

enum {
  /* Failures that are shown. */
  SHOWN_MAX = 3,
  SHOWN_OCTETS = 300,
  RESEND_NS = 500000000,
  RESEND_DOUBLINGS = 3,
};

static const char sdp[] =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8 0 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n";
static const char agent[] =
    "User-Agent: sip-load\r\nAllow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO\r\n";

/* A text of limited length; what does not fit ends the program. */
struct text {
  char *at;
  int length, max;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int length = vsnprintf(text->at + text->length, text->max - text->length, format, values);
  va_end(values);
  if (length < 0 || length >= text->max - text->length) {
    fprintf(stderr, "sip-load: a message or a part of one is larger than %d octets\n", text->max);
    exit(1);
  }
  text->length += length;
}

#define TEXT(buffer) {.at = buffer, .length = 0, .max = sizeof buffer}

static struct text new_datagram(struct outbox *box) { return (struct text){outbox_room(box), 0, DATAGRAM_MAX}; }

/* Makes branches and Call-IDs unlike those of other runs. */
static int run_id(void) {
  static int id;
  if (id == 0) id = (int)((now() / 1000000 + getpid()) & 0x3fffffff) | 1;
  return id;
}

static void put_branch(struct text *text, const struct slot *slot, const char *suffix) {
  put(text, "Via: SIP/2.0/UDP %s:%d;rport;branch=z9hG4bK-%d-%ld-%d-%d%s\r\n", settings.local_host, settings.local_port,
      (int)(slot - slots), slot->sequence, slot->cseq, run_id(), suffix);
}

/* Start line, Via, routes, and the fields that all requests have. */
static void put_head(struct text *text, const struct slot *slot, const char *method, const char *uri, const char *suffix,
                     const char *routes, const char *to_tag) {
  put(text, "%s %s SIP/2.0\r\n", method, uri);
  put_branch(text, slot, suffix);
  put(text, "%sMax-Forwards: 70\r\nFrom: <sip:u%06d@%s>;tag=t%ld\r\nTo: <sip:u%06d@%s>%s\r\n", routes, slot->user,
      settings.domain, slot->sequence, slot->user, settings.domain, to_tag);
  put(text, "Call-ID: %ld-%d@%s\r\nCSeq: %d %s\r\n", slot->sequence, run_id(), settings.local_host, slot->cseq, method);
}

/* Sends a request whose answer is waited for. */
static void send_request(struct slot *slot, const char *method, const char *uri, const char *authorization) {
  struct text text = new_datagram(&caller);
  int in_dialog = slot->state == ENDING;
  put_head(&text, slot, method, uri, "", in_dialog ? slot->routes : "", in_dialog ? slot->to_tag : "");
  if (method[0] == 'R')
    put(&text, "Contact: <sip:u%06d@%s:%d>;expires=3600\r\n%s%sSupported: path, outbound\r\nContent-Length: 0\r\n\r\n",
        slot->user, settings.local_host, settings.callee_port, authorization, agent);
  else if (method[0] == 'I')
    put(&text, "Contact: <sip:u%06d@%s:%d>\r\n%s%sContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
        slot->user, settings.local_host, settings.local_port, authorization, agent, (int)sizeof sdp - 1, sdp);
  else
    put(&text, "%sContent-Length: 0\r\n\r\n", authorization);
  memcpy(slot->last, text.at, text.length);
  slot->last_length = text.length;
  slot->sent_at = now();
  slot->resends = 0;
  slot->resend_at = slot->sent_at + RESEND_NS;
  outbox_keep(&caller, text.length);
}

static void send_ack(const struct slot *slot, const char *uri, const char *suffix, const char *routes, const char *to_tag) {
  struct text text = new_datagram(&caller);
  put_head(&text, slot, "ACK", uri, suffix, routes, to_tag);
  put(&text, "Content-Length: 0\r\n\r\n");
  outbox_keep(&caller, text.length);
}

static void put_address(char uri[URI_MAX], const struct slot *slot) {
  struct text text = {uri, 0, URI_MAX};
  if (settings.mode == CALL) put(&text, "sip:u%06d@%s", slot->user, settings.domain);
  else put(&text, "sip:%s", settings.domain);
}

static const char *const methods[] = {"REGISTER", "INVITE", "OPTIONS"};

void begin(int index, long sequence) {
  struct slot *slot = &slots[index];
  char uri[URI_MAX];
  slot->state = BEGUN;
  slot->sequence = sequence;
  slot->user = (int)(sequence % settings.users);
  slot->cseq = 1;
  slot->to_tag[0] = slot->routes[0] = slot->contact[0] = 0;
  slots_used++;
  put_address(uri, slot);
  send_request(slot, methods[settings.mode], uri, "");
}

void send_again(struct slot *slot) {
  memcpy(outbox_room(&caller), slot->last, slot->last_length);
  outbox_keep(&caller, slot->last_length);
  slot->resends++;
  slot->resend_at += (uint64_t)RESEND_NS << (slot->resends < RESEND_DOUBLINGS ? slot->resends : RESEND_DOUBLINGS);
  totals.resent++;
}

void end_slot(struct slot *slot, int succeeded) {
  slot->state = FREE;
  slots_used--;
  if (succeeded) totals.done++;
  else totals.failed++;
}

/* The first field of that name after `from`, from its name on, or nothing; `name` ends with a colon. It has a line end. */
static char *find_field(char *from, const char *name) {
  for (char *at = from; (at = strstr(at, "\r\n")) && at[2] != '\r';) {
    at += 2;
    if (strncasecmp(at, name, strlen(name)) == 0) return strstr(at, "\r\n") ? at : NULL;
  }
  return NULL;
}

/* A parameter's value, without quotes; empty when the line has none. `name` ends with "=". */
static void read_param(const char *line, const char *name, char *out, int max) {
  const char *end = strstr(line, "\r\n"), *at = strstr(line, name);
  int length = 0;
  if (at && end && at < end) {
    at += strlen(name);
    const char *stop = "\r,; ";
    if (*at == '"') at++, stop = "\"\r";
    while (length < max - 1 && *at && !strchr(stop, *at)) out[length++] = *at++;
  }
  out[length] = 0;
}

static void put_md5(char out[33], const char *format, ...) {
  char text[MD5_TEXT_MAX];
  va_list values;
  va_start(values, format);
  int length = vsnprintf(text, sizeof text, format, values);
  va_end(values);
  md5_hex(text, (size_t)length, out);
}

/* Proxy-Authorization or Authorization, with its line end: the answer to a challenge (RFC 7616 §3.4, MD5). Password pwN. */
static void answer_challenge(struct text *out, const struct slot *slot, const char *line, const char *method,
                             const char *uri) {
  char nonce[256], realm[64], qop[16], opaque[128], secret[33], what[33], response[33];
  read_param(line, "nonce=", nonce, sizeof nonce);
  read_param(line, "realm=", realm, sizeof realm);
  read_param(line, "qop=", qop, sizeof qop);
  read_param(line, "opaque=", opaque, sizeof opaque);
  put_md5(secret, "u%06d:%s:pw%d", slot->user, realm, slot->user);
  put_md5(what, "%s:%s", method, uri);
  if (qop[0]) put_md5(response, "%s:%s:00000001:deadbeef:auth:%s", secret, nonce, what);
  else put_md5(response, "%s:%s:%s", secret, nonce, what);
  put(out, "%s: Digest username=\"u%06d\",realm=\"%s\",nonce=\"%s\",uri=\"%s\",response=\"%s\",algorithm=MD5",
      settings.mode == CALL ? "Proxy-Authorization" : "Authorization", slot->user, realm, nonce, uri, response);
  if (qop[0]) put(out, ",qop=auth,nc=00000001,cnonce=\"deadbeef\"");
  if (opaque[0]) put(out, ",opaque=\"%s\"", opaque);
  put(out, "\r\n");
}

/* The challenge that offers MD5: servers may offer better ones first. */
static char *find_challenge(char *message, const char *name) {
  char algorithm[32];
  for (char *at = message; (at = find_field(at, name));) {
    read_param(at, "algorithm=", algorithm, sizeof algorithm);
    if (algorithm[0] == 0 || strcasecmp(algorithm, "MD5") == 0) return at;
  }
  return NULL;
}

static void show_failure(const char *message) {
  static int shown;
  if (shown++ < SHOWN_MAX) fprintf(stderr, "unexpected: %.*s\n", SHOWN_OCTETS, message);
}

static void read_to_tag(struct slot *slot, char *message) {
  char *to = find_field(message, "To:"), tag[TAG_MAX - 8] = "";
  if (to) read_param(to, "tag=", tag, sizeof tag);
  struct text text = TEXT(slot->to_tag);
  put(&text, ";tag=%s", tag);
}

/* Where requests of the dialog go: Contact, by way of Record-Route in reverse (RFC 3261 §12.1.2). False without Contact. */
static int read_dialog(struct slot *slot, char *message) {
  char routes[ROUTES_MAX] = "", *contact = find_field(message, "Contact:");
  for (char *at = message; (at = find_field(at, "Record-Route:"));) {
    char *value = at + strlen("Record-Route:"), *end = strstr(at, "\r\n");
    struct text text = TEXT(slot->routes);
    put(&text, "Route:%.*s\r\n%s", (int)(end - value), value, routes);
    strcpy(routes, slot->routes);
  }
  char *open = contact ? strchr(contact, '<') : NULL, *close = open ? strchr(open, '>') : NULL;
  if (!close) return 0;
  struct text text = TEXT(slot->contact);
  put(&text, "%.*s", (int)(close - open - 1), open + 1);
  return 1;
}

static void prove(struct slot *slot, char *message) {
  char uri[URI_MAX], authorization[1200];
  struct text text = TEXT(authorization);
  char *challenge = find_challenge(message, settings.mode == CALL ? "Proxy-Authenticate:" : "WWW-Authenticate:");
  if (!challenge) {
    show_failure(message);
    end_slot(slot, 0);
    return;
  }
  put_address(uri, slot);
  answer_challenge(&text, slot, challenge, methods[settings.mode], uri);
  if (settings.mode == CALL) {
    read_to_tag(slot, message);
    send_ack(slot, uri, "", "", slot->to_tag);
  }
  slot->cseq = 2;
  slot->state = PROVEN;
  send_request(slot, methods[settings.mode], uri, authorization);
}

static void hang_up(struct slot *slot, char *message) {
  read_to_tag(slot, message);
  if (!read_dialog(slot, message)) {
    show_failure(message);
    end_slot(slot, 0);
    return;
  }
  send_ack(slot, slot->contact, "a", slot->routes, slot->to_tag);
  slot->cseq = 3;
  slot->state = ENDING;
  send_request(slot, "BYE", slot->contact, "");
}

void caller_received(char *message) {
  int index, cseq, status;
  long sequence;
  totals.received++;
  char *branch = strstr(message, "branch=z9hG4bK-");
  if (sscanf(message, "SIP/2.0 %d", &status) != 1 || status < 200) return;
  if (!branch || sscanf(branch, "branch=z9hG4bK-%d-%ld-%d", &index, &sequence, &cseq) != 3 || index < 0 ||
      index >= settings.window || slots[index].state == FREE || slots[index].sequence != sequence ||
      slots[index].cseq != cseq) {
    totals.strays++;
    return;
  }
  struct slot *slot = &slots[index];
  note_answer(slot);
  if (slot->state == BEGUN && status == (settings.mode == CALL ? 407 : 401)) {
    prove(slot, message);
  } else if (status == 200 && slot->state == PROVEN && settings.mode == CALL) {
    hang_up(slot, message);
  } else {
    int expected = settings.mode == OPTIONS || slot->state != BEGUN;
    if (status != 200 || !expected) show_failure(message);
    end_slot(slot, status == 200 && expected);
  }
}

static int is_copied(const char *line) {
  static const char *const names[] = {"Via:", "Record-Route:", "From:", "To:", "Call-ID:", "CSeq:"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
    if (strncasecmp(line, names[i], strlen(names[i])) == 0) return 1;
  return 0;
}

/* An answer of the callee: what RFC 3261 §8.2.6 has it copy, a tag, and the rest as given. */
static void answer(char *request, const char *status, const char *rest) {
  struct text text = new_datagram(&callee);
  put(&text, "SIP/2.0 %s\r\n", status);
  for (char *line = request; (line = strstr(line, "\r\n")) && line[2] != '\r';) {
    line += 2;
    char *end = strstr(line, "\r\n");
    if (!end || !is_copied(line)) continue;
    int length = (int)(end - line), tagged = strncasecmp(line, "To:", 3) != 0 || memmem(line, length, "tag=", 4);
    put(&text, "%.*s%s\r\n", length, line, tagged ? "" : ";tag=callee");
  }
  put(&text, "%s", rest);
  outbox_keep(&callee, text.length);
}

void callee_received(char *message) {
  char rest[512];
  totals.received++;
  struct text text = TEXT(rest);
  if (strncmp(message, "INVITE ", 7) == 0) {
    put(&text, "Contact: <sip:callee@%s:%d>\r\nContent-Length: 0\r\n\r\n", settings.local_host, settings.callee_port);
    answer(message, "180 Ringing", rest);
    text.length = 0;
    put(&text, "Contact: <sip:callee@%s:%d>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
        settings.local_host, settings.callee_port, (int)sizeof sdp - 1, sdp);
    answer(message, "200 OK", rest);
  } else if (strncmp(message, "BYE ", 4) == 0) {
    answer(message, "200 OK", "Content-Length: 0\r\n\r\n");
  }
}
