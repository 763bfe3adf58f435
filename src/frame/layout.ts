/**
 * The measures of a slot. The Ethernet header of a frame just read lies at byte 66 of its head, so that IP is aligned and up to
 * 56 bytes of tags, MPLS or PBB headers can be pushed in front without moving the frame; the virtio-net header (10 bytes) is
 * read, and written, just before it. Strides are the size plus an odd multiple of 64, or the headers of a batch would share one
 * set of the cache (measured: 5.6 against 1.4 ns a frame).
 */
export const HEAD_SIZE = 2048;
export const HEAD_STRIDE = HEAD_SIZE + 64;
export const HEAD_START = 66;
/** Length of struct virtio_net_hdr without num_buffers; source: linux/virtio_net.h. */
export const VNET_SIZE = 10;
/** Where a read begins to fill a head: the virtio-net header, then the frame. */
export const READ_START = HEAD_START - VNET_SIZE;
/** Bytes of a frame that a head can hold when it was just read. */
export const HEAD_ROOM = HEAD_SIZE - HEAD_START;
/** A body holds what is left of the longest super-frame: 64 KiB of IP packet, Ethernet header and tags, less the head. */
export const BODY_SIZE = 65536 - 1024;
export const BODY_STRIDE = BODY_SIZE + 1088;
/** Longest frame that can be read whole; a read that fills all of it may have been cut off by the kernel. */
export const LONGEST_FRAME = HEAD_ROOM + BODY_SIZE;
/** Most frames that stages handle in one call. */
export const BATCH_SIZE = 256;
