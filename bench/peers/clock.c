/*
 * The C twin of `tapyard bench latency`: a loop that only reads the clock. Frames are due at a rate, as there; how late the loop sees that each is
 * due is what the machine itself takes away: interrupts, other threads, a hypervisor. Twin only: it is built once and never changed.
 *
 *   gcc -O3 -march=native -o clock clock.c && ./clock PER_SECOND SECONDS
 *
 * Prints a line, "p50 p99 p999 p9999 most" in microseconds, upper edges of buckets a sixteenth wide as src/port/delays.ts has them, and
 * the number of frames.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STEPS 16
#define PER_US 16
#define BUCKETS ((31 - 4 + 1) * STEPS)

static double counts[BUCKETS];

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int index_of(uint32_t value) {
  if (value < STEPS) return value;
  int top = 31 - __builtin_clz(value);
  return ((top - 4 + 1) << 4) + ((value >> (top - 4)) & (STEPS - 1));
}

static double edge(int index) {
  if (index < STEPS) return (index + 1) / (double)PER_US;
  int top = (index >> 4) + 3;
  return ((1u << top) + ((index & (STEPS - 1)) + 1.0) * (1u << (top - 4))) / PER_US;
}

static double quantile(double share, double all) {
  double left = (double)(uint64_t)(all * share + 0.999999);
  for (int i = 0; i < BUCKETS; i++)
    if ((left -= counts[i]) <= 0) return edge(i);
  return edge(BUCKETS - 1);
}

int main(int count, char **words) {
  if (count != 3) return 2;
  double gap = 1e6 / atof(words[1]), began = now_us(), end = began + atof(words[2]) * 1e6, next = began, all = 0;
  for (double now = began; now < end; now = now_us())
    for (; next <= now; next += gap, all++) {
      double scaled = (now - next) * PER_US;
      counts[index_of(scaled >= 0x7fffffff ? 0x7fffffff : (uint32_t)scaled)]++;
    }
  printf("%.4f %.4f %.4f %.4f %.4f %.0f\n", quantile(0.5, all), quantile(0.99, all), quantile(0.999, all), quantile(0.9999, all),
         quantile(1, all), all);
  return 0;
}
