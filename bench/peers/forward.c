/*
 * The C twin of a switch between two TAPs: everything that one receives leaves by the other, with its virtio-net header, and nothing is
 * looked at. io_uring as src/port uses it: a visit of a port is one submission of READVs that do not wait (RWF_NOWAIT), each
 * into a head of 2 KiB and a body for the rest of a super-frame, and one of WRITEVs; the number of reads doubles while all of them
 * bring something. Without work it sleeps in poll(2). What a program without forwarding logic can do: the limit.
 *
 *   gcc -O3 -o forward forward.c -luring && ./forward TAP TAP
 *
 * Prints «ready» when both devices are there; runs until it is killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <liburing.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
#define SLOTS 256
#define HEAD 2048
#define HEAD_STRIDE (HEAD + 64)
#define BODY (64 * 1024)
#define BODY_STRIDE (BODY + 64)
#define LEAST 8

static char heads[SLOTS * HEAD_STRIDE], *bodies;
static struct iovec parts[SLOTS][2];
static int result[SLOTS];
static struct io_uring ring;

static int open_tap(const char *name) {
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) { perror(name); exit(1); }
  if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) { perror("TUNSETOFFLOAD"); exit(1); }
  return fd;
}

/* Submits what was prepared and takes all of its results, by slot. */
static void finish(int count) {
  struct io_uring_cqe *done;
  if (io_uring_submit_and_wait(&ring, count) < 0) { perror("io_uring_enter"); exit(1); }
  for (int i = 0; i < count; i++) {
    if (io_uring_wait_cqe(&ring, &done) < 0) { perror("io_uring_enter"); exit(1); }
    result[done->user_data] = done->res;
    io_uring_cqe_seen(&ring, done);
  }
}

/* Moves at most `most` frames. Returns how many there were. */
static int visit(int from, int to, int most) {
  for (int i = 0; i < most; i++) {
    struct io_uring_sqe *read = io_uring_get_sqe(&ring);
    parts[i][0] = (struct iovec){heads + i * HEAD_STRIDE, HEAD};
    parts[i][1] = (struct iovec){bodies + (size_t)i * BODY_STRIDE, BODY};
    io_uring_prep_readv2(read, from, parts[i], 2, 0, RWF_NOWAIT);
    read->user_data = i;
  }
  finish(most);
  int frames = 0;
  for (int i = 0; i < most; i++) {
    if (result[i] <= 0) continue;
    struct io_uring_sqe *write = io_uring_get_sqe(&ring);
    parts[i][0].iov_len = result[i] < HEAD ? result[i] : HEAD;
    parts[i][1].iov_len = result[i] < HEAD ? 0 : result[i] - HEAD;
    io_uring_prep_writev(write, to, parts[i], result[i] < HEAD ? 1 : 2, 0);
    write->user_data = i;
    frames++;
  }
  if (frames > 0) finish(frames);
  return frames;
}

int main(int argc, char **argv) {
  if (argc != 3) { fprintf(stderr, "usage: forward TAP TAP\n"); return 2; }
  struct io_uring_params params = {.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
  if (io_uring_queue_init_params(2 * SLOTS, &ring, &params) < 0) { perror("io_uring_setup"); return 1; }
  bodies = malloc((size_t)SLOTS * BODY_STRIDE);
  struct pollfd ports[2] = {{open_tap(argv[1]), POLLIN, 0}, {open_tap(argv[2]), POLLIN, 0}};
  int batch[2] = {LEAST, LEAST};
  puts("ready");
  fflush(stdout);
  for (;;) {
    if (poll(ports, 2, 50) <= 0) continue;
    for (int p = 0; p < 2; p++) {
      if (!(ports[p].revents & POLLIN)) continue;
      int frames = visit(ports[p].fd, ports[1 - p].fd, batch[p]);
      if (frames == batch[p] && batch[p] < SLOTS) batch[p] *= 2;
      else if (frames < batch[p] / 2 && batch[p] > LEAST) batch[p] /= 2;
    }
  }
}
