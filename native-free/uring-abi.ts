/** Numbers of io_uring that we use; source: linux/io_uring.h, linux/fs.h, asm-generic/poll.h. Offsets of fields are in 32-bit words. */
export const SETUP_CQSIZE = 1 << 3;
export const SETUP_SUBMIT_ALL = 1 << 7;
export const SETUP_COOP_TASKRUN = 1 << 8;
export const SETUP_SINGLE_ISSUER = 1 << 12;
export const SETUP_DEFER_TASKRUN = 1 << 13;

/** struct io_uring_params. */
export const PARAMS_SIZE = 120;
export const PARAM_SQ_ENTRIES = 0;
export const PARAM_CQ_ENTRIES = 1;
export const PARAM_FLAGS = 2;
export const PARAM_FEATURES = 5;
export const SQ_OFFSETS = 10;
export const CQ_OFFSETS = 20;
/** struct io_sqring_offsets and io_cqring_offsets. */
export const SQ_HEAD = 0;
export const SQ_TAIL = 1;
export const SQ_ARRAY = 6;
export const CQ_HEAD = 0;
export const CQ_TAIL = 1;
export const CQ_CQES = 5;

export const FEATURE_SINGLE_MMAP = 1 << 0;
export const FEATURE_NODROP = 1 << 1;
export const FEATURE_SUBMIT_STABLE = 1 << 2;
export const FEATURE_EXT_ARG = 1 << 8;

export const OFFSET_RING = 0;
export const OFFSET_SQES = 0x1000_0000;

export const OP_NOP = 0;
export const OP_READV = 1;
export const OP_WRITEV = 2;
export const OP_POLL_ADD = 6;
export const OP_ASYNC_CANCEL = 14;
export const OP_WRITE = 23;
/** IOSQE_FIXED_FILE, in the byte of flags that follows the operation. */
export const FIXED_FILE = 1 << 8;
export const POLL_ADD_MULTI = 1 << 0;
export const CANCEL_ALL = 1 << 0;
export const CANCEL_FD = 1 << 1;
export const CANCEL_ANY = 1 << 2;
export const CANCEL_FD_FIXED = 1 << 3;
export const RWF_NOWAIT = 8;

/** More completions of the same request will follow. */
export const CQE_MORE = 1 << 1;

export const ENTER_GETEVENTS = 1 << 0;
export const ENTER_EXT_ARG = 1 << 3;
/** struct io_uring_getevents_arg; behind it, in our memory, a struct __kernel_timespec. */
export const GETEVENTS_ARG_SIZE = 24;
export const WAIT_SECONDS = 6;
export const WAIT_NANOSECONDS = 8;

export const REGISTER_FILES = 2;
export const UNREGISTER_FILES = 3;
export const REGISTER_FILES_UPDATE = 6;
export const REGISTER_PROBE = 8;

export const POLLIN = 0x1;
export const POLLERR = 0x8;
export const POLLHUP = 0x10;
