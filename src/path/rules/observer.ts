/** Sees what rules do to a frame: for `trace`. A path that forwards has none. */
export interface RuleObserver {
  /** The frame was looked up. @param rule index, -1: no rule of the table matches */
  table(table: number, rule: number): void;
  /** An op was carried out: `words[at]`. @param edit `Edit` of an edit */
  op(words: Int32Array, at: number, edit: number): void;
  /** A meter was asked. @param verdict `Verdict` */
  meter(index: number, verdict: number): void;
  /** A bucket of a group acts; -1: none. */
  bucket(group: number, bucket: number): void;
  /** The action set is carried out. */
  actionSet(): void;
}
