/*
 * The C twin of the longest-prefix-match micro-benchmark: DIR-24-8, IPv4, as DPDK's rte_lpm lays it out: 2^24 entries of
 * 4 bytes, and groups of 256 for what is longer than /24. Twin only: it is built once and never changed.
 *
 *   gcc -O3 -march=native -o lpm lpm.c && ./lpm ROUTES ADDRESSES ROUNDS
 *
 * ROUTES: records of three 32-bit words (prefix, length, value) by length; ADDRESSES: 32-bit words, a multiple of 256. Prints
 * "nanoseconds-per-look-up checksum" a round.
 * Source: Gupta, Lin and McKeown, "Routing lookups in hardware at memory access speeds", INFOCOM 1998.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define MORE 0x80000000u
#define BATCH 256

static uint32_t *tbl24, *tbl8, groups;

__attribute__((noinline)) static void lookup(const uint32_t *address, int32_t *out, int count) {
  for (int i = 0; i < count; i++) {
    uint32_t entry = tbl24[address[i] >> 8];
    if (entry & MORE) entry = tbl8[(entry & ~MORE) * 256 + (address[i] & 255)];
    out[i] = (int32_t)entry - 1;
  }
}

static void add(uint32_t prefix, uint32_t length, uint32_t entry) {
  uint32_t at = prefix >> 8;
  if (length <= 24) {
    for (uint32_t i = 0; i < 1u << (24 - length); i++) tbl24[at + i] = entry;
    return;
  }
  if (!(tbl24[at] & MORE)) {
    tbl8 = realloc(tbl8, (groups + 1) * 1024ul);
    for (int i = 0; i < 256; i++) tbl8[groups * 256 + i] = tbl24[at];
    tbl24[at] = MORE | groups++;
  }
  uint32_t group = (tbl24[at] & ~MORE) * 256;
  for (uint32_t i = 0; i < 1u << (32 - length); i++) tbl8[group + (prefix & 255) + i] = entry;
}

static uint32_t *load(const char *path, long *words) {
  FILE *file = fopen(path, "rb");
  if (!file) { perror(path); exit(1); }
  fseek(file, 0, SEEK_END);
  *words = ftell(file) / 4;
  rewind(file);
  uint32_t *data = malloc(*words * 4);
  if (fread(data, 4, *words, file) != (size_t)*words) { perror(path); exit(1); }
  fclose(file);
  return data;
}

int main(int argc, char **argv) {
  if (argc != 4) { fprintf(stderr, "usage: lpm ROUTES ADDRESSES ROUNDS\n"); return 2; }
  long words, count;
  uint32_t *routes = load(argv[1], &words), *addresses = load(argv[2], &count);
  size_t size = 4ul << 24;
  tbl24 = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (tbl24 == MAP_FAILED) { perror("mmap"); return 1; }
  madvise(tbl24, size, MADV_HUGEPAGE); /* as DPDK's memory is */
  for (long i = 0; i < words; i += 3) add(routes[i], routes[i + 1], routes[i + 2] + 1);
  int32_t out[BATCH];
  for (int round = atoi(argv[3]); round > 0; round--) {
    struct timespec start, end;
    uint32_t sum = 0;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (long at = 0; at < count; at += BATCH) {
      lookup(addresses + at, out, BATCH);
      for (int i = 0; i < BATCH; i += 17) sum = sum * 31 + (uint32_t)out[i];
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    double ns = (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
    printf("%.3f %u\n", ns / count, sum);
  }
  return 0;
}
