import { COLUMNS, Column, Ledger } from '../observe/ledger.ts';
import { ROUTER_ROW } from '../path/image.ts';
import type { Numbers } from './numbers.ts';

/**
 * A tenant's books: a ledger a worker, with a row for each port that it has or has had, and the router's. The row of a port that is
 * gone goes to another only when no frame that came by it is under way any more; what stood in it is added to what all ports that
 * are gone have counted, so that sums over the tenant never fall.
 */
export class Books {
  readonly ledgers: readonly Ledger[];
  /** Sums of all ports that are gone, by column. */
  readonly retired = new Float64Array(COLUMNS);
  readonly #ports: Numbers;

  constructor(workers: number, ports: Numbers) {
    this.ledgers = Array.from({ length: workers }, () => new Ledger(ROUTER_ROW + 1));
    this.#ports = ports;
  }

  /** Rows in use: ports, those that are about to go included, and the router. */
  get rows(): readonly number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#ports.size; row++) if (this.#ports.at(row) !== null) rows.push(row);
    return [...rows, ROUTER_ROW];
  }

  /** Sum over workers. */
  cell(row: number, column: number): number {
    return this.ledgers.reduce((sum, ledger) => sum + ledger.get(row, column), 0);
  }

  /** Sum over workers and rows, of ports that are gone too. */
  total(column: number): number {
    return this.rows.reduce((sum, row) => sum + this.cell(row, column), this.retired[column]);
  }

  /** Frames of a row that are under way: held by a worker, or between two. */
  underWay(row: number): number {
    return this.cell(row, Column.Held) + this.cell(row, Column.Lent) - this.cell(row, Column.Borrowed);
  }

  /** The same of all rows. */
  get held(): number {
    return this.rows.reduce((sum, row) => sum + this.underWay(row), 0);
  }

  /** Frees the rows of ports that have left, where nothing is under way. */
  retire(): void {
    for (let row = 0; row < this.#ports.size; row++) {
      if (this.#ports.at(row) === null || this.#ports.isLive(row) || this.underWay(row) !== 0) continue;
      for (const { cells } of this.ledgers) {
        for (let column = 0; column < COLUMNS; column++) this.retired[column] += cells[row * COLUMNS + column];
        cells.fill(0, row * COLUMNS, (row + 1) * COLUMNS);
      }
      this.#ports.free(row);
    }
  }
}
