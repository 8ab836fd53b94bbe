/** The source tree as imports see it: which file imports what, type-only imports told apart. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export const root = path.resolve(
  import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname),
  '../..',
);

export interface Import {
  /** As written: './meter.js', 'pg', 'node:fs'. */
  readonly specifier: string;
  /** Repository path of the file, for relative imports. */
  readonly target: string | undefined;
  readonly typeOnly: boolean;
}

export function filesBelow(folder: string, suffix: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
}

export function sourceOf(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

const read = new Map<string, Import[]>();

export function importsOf(file: string): Import[] {
  const known = read.get(file);
  if (known !== undefined) return known;
  const imports: Import[] = [];
  const source = ts.createSourceFile(file, sourceOf(file), ts.ScriptTarget.ESNext, true);
  const add = (specifier: string, typeOnly: boolean): void => {
    const target = specifier.startsWith('.')
      ? path.join(path.dirname(file), specifier.replace(/\.js$/, '.ts'))
      : undefined;
    imports.push({ specifier, target, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const named = node.importClause?.namedBindings;
      const allTypes =
        named !== undefined && ts.isNamedImports(named) && named.elements.every((e) => e.isTypeOnly);
      add(
        node.moduleSpecifier.text,
        node.importClause?.isTypeOnly === true || (allTypes && !node.importClause?.name),
      );
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      add(node.moduleSpecifier.text, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteral(argument)) add(argument.text, false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  read.set(file, imports);
  return imports;
}

/** The room that a source file belongs to: 'doors/http', 'log', or the file's own name for the files of src/ itself. */
export function roomOf(file: string): string {
  const [, first, second] = file.split('/') as [string, string, string | undefined];
  if (second === undefined) return first;
  return first === 'doors' ? `doors/${second}` : first;
}
