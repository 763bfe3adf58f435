import { closeSync, openSync, readSync } from 'node:fs';
import { VNET_SIZE } from '../frame/layout.ts';
import * as pcap from '../wire/pcapfile.ts';

/** Holds the longest record that a file may have, and many of the usual ones. */
const CHUNK = 512 * 1024;
const PCAPNG = 0x0a0d_0d0a;

/**
 * Reads a capture file record by record, a chunk at a time, in either byte order and with either kind of time stamp. The record
 * that is there lies in `bytes` from `at`, with an empty virtio-net header (10 bytes) before the frame: the end of the record's own header,
 * which nobody needs any more, makes room for it.
 */
export class PcapReader {
  readonly path: string;
  readonly bytes: DataView;
  /** Position of the virtio-net header of the record, its captured bytes, and the bytes that the frame had on the wire. */
  at = 0;
  captured = 0;
  length = 0;
  /** Time stamp in microseconds since 1970. */
  timeUs = 0;
  /** Whether a record is there. */
  loaded = false;
  /** Why the file cannot be read further, as a sentence; null at its proper end. */
  failure: string | null = null;
  readonly #octets = new Uint8Array(new SharedArrayBuffer(CHUNK));
  readonly #little: boolean;
  readonly #nanoseconds: boolean;
  #fd: number;
  /** Where in the file the next chunk begins; what of the chunk is not read yet. */
  #position = 0;
  #next = 0;
  #end = 0;

  /** @throws Error, which names the file and the cure, when it is no capture of Ethernet frames */
  constructor(path: string) {
    this.path = path;
    this.bytes = new DataView(this.#octets.buffer);
    this.#fd = openSync(path, 'r');
    try {
      this.#refuse(this.#fill(pcap.HEADER_LENGTH));
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
    this.#little = pcap.isLittleEndian(this.bytes, 0);
    this.#nanoseconds = pcap.isNanoseconds(this.bytes, 0);
    this.#next = pcap.HEADER_LENGTH;
    this.advance();
  }

  #refuse(whole: boolean): void {
    const { bytes, path } = this;
    if (whole && bytes.getUint32(0) === PCAPNG) {
      throw new Error(`${path} is a pcapng file: convert it (editcap -F nsecpcap ${path} out.pcap)`);
    }
    if (!pcap.check(bytes, 0, this.#end)) throw new Error(`${path} is not a pcap file of version 2`);
    const type = pcap.linkType(bytes, 0);
    if (type !== pcap.LINK_TYPE_ETHERNET) {
      throw new Error(`${path} holds frames of link type ${type}, not of Ethernet (1): capture on an Ethernet device`);
    }
  }

  /** Sees to it that `need` bytes lie from `#next` on. @returns false at the end of the file */
  #fill(need: number): boolean {
    if (this.#end - this.#next >= need) return true;
    this.#octets.copyWithin(0, this.#next, this.#end);
    this.#end -= this.#next;
    this.#next = 0;
    while (this.#end < need) {
      const count = readSync(this.#fd, this.#octets, this.#end, CHUNK - this.#end, this.#position);
      if (count === 0) return false;
      this.#position += count;
      this.#end += count;
    }
    return true;
  }

  /** Goes to the next record. @returns whether there is one */
  advance(): boolean {
    this.loaded = false;
    if (this.#fd < 0) return false;
    try {
      this.loaded = this.#load();
    } catch (error) {
      this.failure = `${this.path} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
    return this.loaded;
  }

  #load(): boolean {
    if (!this.#fill(pcap.RECORD_LENGTH)) {
      if (this.#end > this.#next) this.failure = `${this.path} ends within the header of a record`;
      return false;
    }
    const { bytes } = this;
    const little = this.#little;
    if (!pcap.checkRecord(bytes, this.#next, this.#end, little)) {
      this.failure = `${this.path} is broken: a record claims more than ${pcap.LONGEST_RECORD} bytes`;
      return false;
    }
    const captured = pcap.capturedLength(bytes, this.#next, little);
    if (!this.#fill(pcap.RECORD_LENGTH + captured)) {
      this.failure = `${this.path} ends within a record`;
      return false;
    }
    const record = this.#next;
    this.captured = captured;
    this.length = pcap.frameLength(bytes, record, little);
    this.timeUs = pcap.microseconds(bytes, record, little, this.#nanoseconds);
    this.at = record + pcap.RECORD_LENGTH - VNET_SIZE;
    for (let i = 0; i < VNET_SIZE; i++) bytes.setUint8(this.at + i, 0);
    this.#next = record + pcap.RECORD_LENGTH + captured;
    return true;
  }

  /** Begins again with the first record. @returns whether there is one */
  rewind(): boolean {
    this.#position = pcap.HEADER_LENGTH;
    this.#next = 0;
    this.#end = 0;
    return this.advance();
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.loaded = false;
  }
}
