/**
 * TypeScript made runnable by plain node: each entry with the project's own files in one bundle, packages left
 * where they are. A process of it starts in half the time that a loader takes, and loaders follow into every child.
 * A file goes on finding what lies beside its source, wherever the bundle is.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

export const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** Below node_modules, so that packages are found; it is nobody's to commit. */
const cache = path.join(checkout, 'node_modules', '.cache', 'weir-tests');

/** A folder of this process's own for bundles, removed when it ends. */
export async function bundleFolder(): Promise<string> {
  await mkdir(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, 'bundles-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The folder that `npm test` has made its bundles in, for the programs that tests start. */
export const bundlesVariable = 'TAP_BUNDLES';

/** What node is given to run a program of the project: its bundle where `npm test` has made one. */
export function programArguments(source: string): string[] {
  const folder = process.env[bundlesVariable];
  return folder === undefined ? ['--import', 'tsx', source] : [bundleOf(source, folder)];
}

const sourcesKeepTheirPlace: Plugin = {
  name: 'sources keep their place',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      const text = await readFile(file, 'utf8');
      const contents = text
        .replace(/\bimport\.meta\.url\b/g, JSON.stringify(pathToFileURL(file).href))
        .replace(/\bimport\.meta\.dirname\b/g, JSON.stringify(path.dirname(file)));
      return { contents, loader: 'ts', resolveDir: path.dirname(file) };
    });
  },
};

/** Where the bundle of a source file is, once it has been made in this folder. */
export function bundleOf(source: string, folder: string, root = checkout): string {
  return path.join(folder, path.relative(root, source).replace(/\.ts$/, '.mjs'));
}

/**
 * @param entries absolute paths of .ts files below `root`
 * @throws Error where one does not compile
 */
export async function bundle(entries: readonly string[], folder: string, root = checkout): Promise<void> {
  await build({
    entryPoints: [...entries],
    outdir: folder,
    outbase: root,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'silent',
    plugins: [sourcesKeepTheirPlace],
  });
}
