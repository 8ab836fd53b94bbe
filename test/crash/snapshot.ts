/**
 * The gateway as a program of its own: src/ compiled into a folder where nobody edits it while a run goes
 * on, so that every restart of the run starts the same program. No type check, that is `npm run types`.
 */
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
};

/** @returns path of the program's main file below `directory` */
export async function compileGateway(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const source = join(checkout, 'src');
  for (const name of await readdir(source, { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const { outputText } = ts.transpileModule(await readFile(join(source, name), 'utf8'), {
      compilerOptions,
      fileName: name,
    });
    const target = join(directory, 'dist', name.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
  }
  // What the program finds beside itself.
  for (const name of ['package.json', 'drizzle']) {
    await cp(join(checkout, name), join(directory, name), { recursive: true });
  }
  await symlink(join(checkout, 'node_modules'), join(directory, 'node_modules'));
  return join(directory, 'dist', 'main.js');
}
