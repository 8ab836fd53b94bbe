/** `weir policy schema`: writes the JSON Schema files that editors check policy files with. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { editorSchemas } from '../policy/editor-schema.js';
import { exitCodes, type CliContext } from './context.js';
import type { ConfigOption } from './find-config.js';
import { policyDirectory, shownDirectory, type FolderOption } from './policy-folder.js';

export async function policySchema(
  context: CliContext,
  options: FolderOption & ConfigOption,
): Promise<number> {
  const folder = join(policyDirectory(context, options), 'schema');
  await mkdir(folder, { recursive: true });
  const schemas = editorSchemas();
  for (const [name, text] of schemas) await writeFile(join(folder, name), text);
  context.io.out(`${shownDirectory(context, folder)}: ${[...schemas.keys()].join(', ')}\n`);
  return exitCodes.ok;
}
