/** Before `npm start` and `npm test`: builds only where a source is younger than the build, since asking the compiler takes longer than starting. */
import { execSync } from 'node:child_process';
import { readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

const project = join(import.meta.dirname, '..');
const stamp = join(project, 'dist', '.tsbuildinfo');
const built = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sources = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'src'];
for (const name of readdirSync(join(project, 'src'), { recursive: true }))
  sources.push(join('src', String(name)));
if (sources.some((name) => statSync(join(project, name)).mtimeMs > built)) {
  execSync('npm run --silent build', { cwd: project, stdio: 'inherit' });
  // The compiler leaves it as it is where nothing has to be written.
  utimesSync(stamp, new Date(), new Date());
}
