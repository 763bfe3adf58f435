import { refuse } from '../codec/errors.ts';
import { Role } from '../codec/messages.ts';
import type { Session } from './session.ts';

/** What is told when no generation was ever named. */
const NONE = 0xffff_ffff_ffff_ffffn;

/** Who of several controllers may change what: at most one is master. Source: 1.3.5, sections 6.3.5 and 7.3.9. */
export class Roles {
  #generation: bigint | null = null;

  get generationId(): bigint {
    return this.#generation ?? NONE;
  }

  /**
   * Takes a role, or asks for it.
   * @param others all sessions of the datapath: the master among them becomes slave when `session` becomes master
   * @throws OpenFlowError when the generation is an old one
   */
  request(session: Session, role: number, generationId: bigint, others: Iterable<Session>): void {
    if (role > Role.Slave) throw refuse('ROLE_REQUEST_FAILED', 'BAD_ROLE', `there is no role ${role}`);
    if (role === Role.NoChange) return;
    if (role !== Role.Equal) {
      // Serial numbers: what lies behind by less than half of the circle is older.
      if (this.#generation !== null && BigInt.asIntN(64, generationId - this.#generation) < 0n)
        throw refuse('ROLE_REQUEST_FAILED', 'STALE', `generation ${generationId} is before ${this.#generation}`);
      this.#generation = generationId;
    }
    if (role === Role.Master)
      for (const other of others) if (other !== session && other.role === Role.Master) other.role = Role.Slave;
    session.role = role;
  }
}
