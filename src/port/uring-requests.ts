/** Words of a row of a `RequestTable`. */
const Row = { Place: 0, Head: 1, Body: 2, Tenant: 3, Row: 4, Port: 5, Length: 6, SHIFT: 3 } as const;

/** The arrays of a `RequestTable`, for loops. */
export interface RequestParts {
  /** Eight words a request: place of its port (-1: it is free), head, body; of a write also tenant, row, port and length, for the books. */
  readonly rows: Int32Array;
  /** Requests that are free, as a stack, and its height. */
  readonly free: Int32Array;
  readonly height: Int32Array;
}

/** Requests of one kind that may be under way with the kernel, and what they are for. Taken last-in first-out, so that few rows stay hot. */
export class RequestTable {
  readonly entries: number;
  readonly parts: RequestParts;

  constructor(entries: number) {
    this.entries = entries;
    this.parts = {
      rows: new Int32Array(entries << Row.SHIFT).fill(-1),
      free: Int32Array.from({ length: entries }, (_, i) => entries - 1 - i),
      height: Int32Array.of(entries),
    };
  }

  /** Requests that are free. */
  get spare(): number {
    return this.parts.height[0];
  }

  /** Takes a free one, of which there are some. @returns its number */
  take(place: number, head: number, body: number): number {
    const { rows, free, height } = this.parts;
    const entry = free[--height[0]];
    const row = entry << Row.SHIFT;
    rows[row + Row.Place] = place;
    rows[row + Row.Head] = head;
    rows[row + Row.Body] = body;
    return entry;
  }

  give(entry: number): void {
    const { rows, free, height } = this.parts;
    rows[(entry << Row.SHIFT) + Row.Place] = -1;
    free[height[0]++] = entry;
  }

  /** Place of the port that it is of; -1: it is free. */
  place(entry: number): number {
    return this.parts.rows[(entry << Row.SHIFT) + Row.Place];
  }

  head(entry: number): number {
    return this.parts.rows[(entry << Row.SHIFT) + Row.Head];
  }

  body(entry: number): number {
    return this.parts.rows[(entry << Row.SHIFT) + Row.Body];
  }

  tenant(entry: number): number {
    return this.parts.rows[(entry << Row.SHIFT) + Row.Tenant];
  }

  /** Row of the tenant's books that a written frame came by. */
  row(entry: number): number {
    return this.parts.rows[(entry << Row.SHIFT) + Row.Row];
  }
}
