/** Reads a Dockerfile as far as ours goes: stages of COPY, RUN, ENV, WORKDIR, USER, HEALTHCHECK, CMD. Anything else is an error. */

export interface Step {
  readonly instruction: string;
  readonly text: string;
}

export interface Stage {
  readonly base: string;
  readonly name: string | undefined;
  readonly steps: readonly Step[];
}

const known = new Set(['COPY', 'RUN', 'ENV', 'WORKDIR', 'USER', 'EXPOSE', 'HEALTHCHECK', 'CMD']);

export function readDockerfile(text: string): Stage[] {
  const lines = text
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const stages: { base: string; name: string | undefined; steps: Step[] }[] = [];
  for (const line of lines) {
    const [, instruction = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (instruction === 'FROM') {
      const [, base = '', name] = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(rest) ?? [];
      stages.push({ base, name, steps: [] });
    } else if (known.has(instruction) && stages.length > 0) {
      stages.at(-1)!.steps.push({ instruction, text: rest });
    } else throw new Error(`the Dockerfile holds ${instruction}, which these steps do not know`);
  }
  return stages;
}

/** `--from=build a b ./` taken apart. */
export function readCopy(text: string): { from: string | undefined; sources: string[]; target: string } {
  const words = text.split(/\s+/);
  const flags = words.filter((word) => word.startsWith('--'));
  const unknown = flags.filter((flag) => !flag.startsWith('--from='));
  if (unknown.length > 0) throw new Error(`COPY has ${unknown.join(' ')}, which these steps do not know`);
  const paths = words.filter((word) => !word.startsWith('--'));
  return { from: flags[0]?.slice('--from='.length), sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

export function lastOf(stage: Stage, instruction: string): string | undefined {
  return stage.steps.findLast((step) => step.instruction === instruction)?.text;
}
