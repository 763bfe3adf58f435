/*
 * The C twins of the access list benchmark: every rule in turn (linear), and tuple-space search as Open vSwitch's classifier does
 * it: a hash table for each combination of prefix lengths and of ports that are exact, tables in the order of their best rule, the
 * search ended where no later table can have a better one. Port ranges are compared in the bucket, so that they make no tuples.
 *
 *   gcc -O3 -march=native -o acl acl.c && ./acl linear|tuple RULES HEADERS ROUNDS RESULTS
 *
 * RULES: records of ten 32-bit words (source, its length, destination, its length, lowest and highest source port, lowest and
 * highest destination port, protocol, its mask), best first; HEADERS: records of five (source, destination, ports, protocol).
 * RESULTS gets the index of the rule of each header, -1 for none. Prints "nanoseconds-per-look-up checksum" a round.
 * Source: Srinivasan, Suri and Varghese, "Packet classification using tuple space search", SIGCOMM 1999.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct { uint32_t src, src_len, dst, dst_len, sp_lo, sp_hi, dp_lo, dp_hi, proto, proto_mask; } rule_t;
typedef struct { uint32_t src, dst, sp, dp, proto; } header_t;
typedef struct { uint32_t src, dst, ports, proto, hash; int32_t rule, next; } entry_t;
typedef struct { uint32_t src, dst, ports, proto, mask; int32_t best, count, *heads; } tuple_t;

static rule_t *rules;
static int32_t rule_count, tuple_count;
static entry_t *entries;
static tuple_t *tuples;

static uint32_t bits(uint32_t length) { return length ? ~0u << (32 - length) : 0; }

static int matches(const rule_t *r, const header_t *h) {
  return ((h->src ^ r->src) & bits(r->src_len)) == 0 && ((h->dst ^ r->dst) & bits(r->dst_len)) == 0 &&
         h->sp >= r->sp_lo && h->sp <= r->sp_hi && h->dp >= r->dp_lo && h->dp <= r->dp_hi &&
         ((h->proto ^ r->proto) & r->proto_mask) == 0;
}

static int32_t linear(const header_t *h) {
  for (int32_t i = 0; i < rule_count; i++) if (matches(&rules[i], h)) return i;
  return -1;
}

static inline uint32_t mix(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  uint64_t x = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15ull, y = ((uint64_t)c << 32 | d) * 0xc2b2ae3d27d4eb4full;
  x ^= y ^ (x >> 29);
  return (uint32_t)((x * 0xff51afd7ed558ccdull) >> 32);
}

static int32_t tuple_space(const header_t *h) {
  int32_t best = INT32_MAX;
  uint32_t ports = h->sp << 16 | h->dp;
  for (int32_t t = 0; t < tuple_count; t++) {
    const tuple_t *u = &tuples[t];
    if (u->best > best) break;
    uint32_t src = h->src & u->src, dst = h->dst & u->dst, pp = ports & u->ports, proto = h->proto & u->proto;
    uint32_t hash = mix(src, dst, pp, proto);
    for (int32_t e = u->heads[hash & u->mask]; e >= 0; e = entries[e].next) {
      const entry_t *x = &entries[e];
      if (x->rule > best) break;
      if (x->hash != hash || x->src != src || x->dst != dst || x->ports != pp || x->proto != proto) continue;
      const rule_t *r = &rules[x->rule];
      if (h->sp < r->sp_lo || h->sp > r->sp_hi || h->dp < r->dp_lo || h->dp > r->dp_hi) continue;
      best = x->rule;
      break;
    }
  }
  return best == INT32_MAX ? -1 : best;
}

static int by_best(const void *a, const void *b) { return ((const tuple_t *)a)->best - ((const tuple_t *)b)->best; }

static void masks_of(const rule_t *r, tuple_t *t) {
  t->src = bits(r->src_len);
  t->dst = bits(r->dst_len);
  t->ports = (r->sp_lo == r->sp_hi ? 0xffff0000u : 0) | (r->dp_lo == r->dp_hi ? 0xffffu : 0);
  t->proto = r->proto_mask;
}

static int same(const tuple_t *a, const tuple_t *b) {
  return a->src == b->src && a->dst == b->dst && a->ports == b->ports && a->proto == b->proto;
}

static void build(void) {
  tuples = calloc(rule_count + 1, sizeof *tuples);
  entries = calloc(rule_count + 1, sizeof *entries);
  for (int32_t i = 0; i < rule_count; i++) {
    tuple_t m;
    masks_of(&rules[i], &m);
    int32_t t = 0;
    while (t < tuple_count && !same(&tuples[t], &m)) t++;
    if (t == tuple_count) { m.best = i; m.count = 0; tuples[tuple_count++] = m; }
    tuples[t].count++;
  }
  qsort(tuples, tuple_count, sizeof *tuples, by_best);
  for (int32_t t = 0; t < tuple_count; t++) {
    uint32_t size = 4;
    while (size < 2u * tuples[t].count) size *= 2;
    tuples[t].mask = size - 1;
    tuples[t].heads = malloc(size * sizeof(int32_t));
    memset(tuples[t].heads, 0xff, size * sizeof(int32_t));
  }
  /* Worst first, each before what is there: buckets stand by rule. */
  for (int32_t i = rule_count - 1; i >= 0; i--) {
    tuple_t m;
    masks_of(&rules[i], &m);
    int32_t t = 0;
    while (!same(&tuples[t], &m)) t++;
    entry_t *x = &entries[i];
    x->src = rules[i].src & m.src;
    x->dst = rules[i].dst & m.dst;
    x->ports = (rules[i].sp_lo << 16 | rules[i].dp_lo) & m.ports;
    x->proto = rules[i].proto & m.proto;
    x->hash = mix(x->src, x->dst, x->ports, x->proto);
    x->rule = i;
    int32_t *head = &tuples[t].heads[x->hash & tuples[t].mask];
    x->next = *head;
    *head = i;
  }
}

static void *load(const char *path, long size, long *count) {
  FILE *file = fopen(path, "rb");
  if (!file) { perror(path); exit(1); }
  fseek(file, 0, SEEK_END);
  *count = ftell(file) / size;
  rewind(file);
  void *data = malloc(*count * size + size);
  if (fread(data, size, *count, file) != (size_t)*count) { perror(path); exit(1); }
  fclose(file);
  return data;
}

int main(int argc, char **argv) {
  if (argc != 6) { fprintf(stderr, "usage: acl linear|tuple RULES HEADERS ROUNDS RESULTS\n"); return 2; }
  long n, count;
  rules = load(argv[2], sizeof(rule_t), &n);
  rule_count = n;
  header_t *headers = load(argv[3], sizeof(header_t), &count);
  int tuple = strcmp(argv[1], "tuple") == 0;
  if (tuple) build();
  int32_t *results = malloc(count * sizeof *results + 1);
  for (int round = atoi(argv[4]); round > 0; round--) {
    struct timespec start, end;
    uint32_t sum = 0;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (long i = 0; i < count; i++) results[i] = tuple ? tuple_space(&headers[i]) : linear(&headers[i]);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    for (long i = 0; i < count; i++) sum = sum * 31 + (uint32_t)results[i];
    double ns = (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
    printf("%.3f %u %d\n", ns / count, sum, tuple_count);
  }
  FILE *file = fopen(argv[5], "wb");
  if (!file || fwrite(results, sizeof *results, count, file) != (size_t)count) { perror(argv[5]); return 1; }
  return fclose(file);
}
