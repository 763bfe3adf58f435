import { type ConfigDocument, readDocument } from '../control/config/load.ts';
import type { ConfigInput } from '../control/config/schema.ts';
import { writeDocument } from '../control/config/yaml.ts';

/**
 * @param config an object, or the text of a configuration file
 * @param name what errors call it; paths in it are relative to its folder
 * @throws UserError `config-invalid` with all diagnostics; of an object they show it as YAML
 */
export function documentOf(config: ConfigInput | string, name: string): ConfigDocument {
  const text = typeof config === 'string' ? config : writeDocument(config, 0);
  return readDocument(text, name);
}
