/**
 * What is measured runs as it ships: built, by plain node, without a loader. The files of subjects/ are
 * translated one by one, and whatever they import from src/ is taken from the build instead.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const here = import.meta.dirname ?? fileURLToPath(new URL('.', import.meta.url));
export const project = resolve(here, '..');

/** Files beside subjects/ that subjects may import. */
const shared = ['statistics.ts'];

export interface SubjectCode {
  /** The built gateway. */
  readonly dist: string;
  /** Path of the runnable form of subjects/NAME.ts. */
  file(name: string): string;
  remove(): void;
}

/** @param dist directory of the build @throws Error where there is none */
export function prepareSubjects(dist: string): SubjectCode {
  if (statSync(join(dist, 'main.js'), { throwIfNoEntry: false }) === undefined) {
    throw new Error(`${dist} holds no build: run npm run build`);
  }
  // Inside the project, so that packages are found; node_modules is nobody's to commit.
  const folder = join(project, 'node_modules', '.cache', 'weir-bench', String(process.pid));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'subjects'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n');
  const subjects = readdirSync(join(here, 'subjects')).filter((name) => name.endsWith('.ts'));
  for (const name of [...shared, ...subjects.map((file) => join('subjects', file))]) {
    const code = translate(readFileSync(join(here, name), 'utf8'), dist);
    writeFileSync(join(folder, name.replace(/\.ts$/, '.js')), code);
  }
  return {
    dist,
    file: (name) => join(folder, 'subjects', `${name}.js`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function translate(source: string, dist: string): string {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  const built = pathToFileURL(`${resolve(dist)}/`).href;
  return outputText.replace(/from '\.\.\/\.\.\/src\//g, `from '${built}`);
}
