import { parse, stringify } from 'yaml';

/** A value as one writes it in a configuration: `10`, `[10, 20]`, `{via: 10.0.0.1}`. @throws Error for what is no YAML */
export function readValue(text: string): unknown {
  return parse(text);
}

/** Plain values as the text of a configuration. @param width of lines; 0: never folded */
export function writeDocument(tree: Readonly<Record<string, unknown>>, width = 120): string {
  return stringify(tree, { lineWidth: width });
}
