/**
 * `weir <verb>`: the verbs, their options and examples. A verb's module is loaded when it is called, so that
 * `weir token` does not wait for the server, and the server does not load the demo.
 * Exit codes: 0 ok, 1 found something bad, 2 usage or configuration.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigFaults } from '../config/faults.js';
import { WeirError } from '../errors.js';
import { formatFaults, PolicyFaults } from '../policy/faults.js';
import { writeErrorFacts } from '../observe/error-facts.js';
import { CliError, exitCodes, type CliContext } from './context.js';
import { version } from '../version.js';
import { parseDurationSeconds } from './time.js';

/**
 * @param argv what follows `weir`
 * @returns exit code; never throws
 */
export async function runWeir(argv: readonly string[], context: CliContext): Promise<number> {
  let code: number = exitCodes.ok;
  const { io } = context;
  const program = buildProgram(context, (result) => (code = result));
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return report(error, io.err);
  }
}

function report(error: unknown, err: (text: string) => void): number {
  if (error instanceof CliError) {
    err(`weir: ${error.message}\n      ${error.hint}\n`);
    return error.exitCode;
  }
  if (error instanceof ConfigFaults) {
    err(`weir: ${error.message}\n`);
    return exitCodes.usage;
  }
  if (error instanceof PolicyFaults) {
    err(`weir: ${error.message}:\n${formatFaults(error.faults)}\n`);
    return exitCodes.bad;
  }
  if (error instanceof WeirError) {
    err(`weir: ${error.message} [${error.code}]\n${error.hint === undefined ? '' : `      ${error.hint}\n`}`);
    return exitCodes.bad;
  }
  // Somebody else's words may quote rows or passwords, so only the kind of the error is told.
  err(
    `weir: this failed unexpectedly: ${writeErrorFacts(error)}\n      if it stays, report it with this line: it holds no data\n`,
  );
  return exitCodes.bad;
}

function buildProgram(context: CliContext, done: (code: number) => void): Command {
  const { io } = context;
  const program = new Command('weir')
    .description(
      'An order-data access gateway: masks by role, meters each person, records every read before it leaves',
    )
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      getOutHelpWidth: () => context.columns ?? 100,
      getErrHelpWidth: () => context.columns ?? 100,
    })
    .showHelpAfterError('(--help shows the options and an example)');
  const finish = async (result: Promise<number>) => done(await result);
  const config = [
    '--config <file>',
    'configuration (default: WEIR_CONFIG, ./weir.yaml, or what the demo wrote)',
  ] as const;
  const json = ['--json', 'print JSON, one document a line'] as const;

  example(program.command('start'), 'weir start --config /etc/weir/weir.yaml')
    .description('serve; needs a configuration, and refuses the demo’s keys')
    .option('--config <file>', 'configuration (default: WEIR_CONFIG or ./weir.yaml)')
    .action(async (options) => finish((await import('./start.js')).start(context, options)));

  example(program.command('demo'), 'npm start')
    .description('serve a synthetic shop with its own PostgreSQL, to try Weir out')
    .option('--reset', 'throw away what earlier demos made, and begin anew')
    .action(async (options) => finish((await import('./demo.js')).demo(context, options)));

  example(program.command('migrate'), 'WEIR_STORE_OWNER_URL=postgres://… weir migrate')
    .description("bring the gateway's own database to this version")
    .option(...config)
    .action(async (options) => finish((await import('./migrate.js')).migrate(context, options)));

  example(program.command('config'), 'weir config --check --config weir.yaml')
    .description('check the configuration, or print it with secrets elided')
    .option('--check', 'say whether it is sound (default)')
    .option('--dump', 'print every key as it will be used; secrets read "(set)"')
    .option(...json)
    .option(...config)
    .action(async (options) => finish((await import('./config.js')).config(context, options)));

  const folder = ['--dir <folder>', "folder of the policy files (default: the configuration's)"] as const;
  const policy = program.command('policy').description('work on policy files');
  example(policy.command('check'), 'weir policy check --dir policies')
    .description('check policy files: file, line, column, what to write instead')
    .option(...folder)
    .option('--database', 'also compare with the order database: tables, columns, indexes')
    .option(...json)
    .option(...config)
    .action(async (options) => finish((await import('./policy.js')).policyCheck(context, options)));
  example(policy.command('test'), 'weir policy test --dir policies')
    .description(
      'run the cases beside the policies (tests/): role and request, and what is seen of invented rows',
    )
    .option(...folder)
    .option(...json)
    .option(...config)
    .action(async (options) => finish((await import('./policy-test.js')).policyTest(context, options)));
  example(policy.command('schema'), 'weir policy schema --dir policies')
    .description('write schema/*.json, with which an editor checks and completes policy files')
    .option(...folder)
    .option(...config)
    .action(async (options) => finish((await import('./policy-schema.js')).policySchema(context, options)));
  example(policy.command('drift'), 'weir policy drift')
    .description(
      'hold the catalogue against the order database: new columns, columns that look personal, missing indexes',
    )
    .option(...folder)
    .option(...json)
    .option(...config)
    .action(async (options) => finish((await import('./policy-drift.js')).policyDrift(context, options)));
  example(policy.command('diff'), 'weir policy diff --dir policies')
    .description('say what the files show or allow more than the set in force; exit code 1 if they do')
    .option(...folder)
    .option('--against <folder>', 'compare with the files of this folder instead of the set in force')
    .option(...json)
    .option(...config)
    .action(async (options) => finish((await import('./policy-change.js')).policyDiff(context, options)));
  const vouching = [
    ['propose', 'stand for a set that shows more; somebody else then approves it'],
    ['approve', 'let a set that somebody else proposed take the place of the one in force'],
  ] as const;
  for (const [deed, description] of vouching) {
    example(policy.command(deed), `weir policy ${deed} 3f9a2c41d07b… --token-file ~/token`)
      .description(`${description}: by your token or, without one, by your login of the gateway's database`)
      .argument('<digest>', 'of the set, all 64 digits, as weir policy diff prints it')
      .option('--token-file <file>', 'file with your token (default: WEIR_TOKEN)')
      .option('--role <role>', 'role of the token, where it holds several')
      .option('--gateway <url>', "the gateway that takes the token (default: the configuration's address)")
      .option(...folder)
      .option(...json)
      .option(...config)
      .action(async (digest, options) =>
        finish((await import('./policy-vouch.js')).policyVouch(context, deed, digest, options)),
      );
  }
  example(policy.command('show'), 'weir policy show --role support-agent --table orders')
    .description(
      'show what a role sees of one invented order, or record of a service, beside the other roles',
    )
    .requiredOption('--role <role>', 'the role')
    .option('--table <table>', 'a table of the catalogue')
    .option('--service <service>', 'a service of the catalogue')
    .option('--route <route>', 'one of its routes, for example "GET /shipments" (default: the first)')
    .option(...folder)
    .option(...json)
    .option(...config)
    .action(async (options) => finish((await import('./policy-show.js')).policyShow(context, options)));

  example(
    program.command('token'),
    'curl -H "Authorization: Bearer $(npx weir token --role support-agent --sub li.na --claim region=华东)" …',
  )
    .description('print a token of the demo’s issuer, and nothing else')
    .requiredOption('--role <role>', 'role; may be given again', collect)
    .requiredOption('--sub <person>', 'the person')
    .option('--scope <scopes>', 'scopes, separated by spaces; may be given again', collect)
    .option('--ttl <duration>', 'how long it is good for', parseDurationSeconds, 3_600)
    .option('--tool <name>', 'the staff tool (client_id)', 'weir-cli')
    .option('--claim <name=value>', 'another claim; may be given again', collectPair)
    .action(async (options) => finish((await import('./token.js')).token(context, options)));

  const service = program.command('service').description('work on the services behind the proxy door');
  example(service.command('key'), 'umask 077; weir service key > principal.jwk')
    .description(
      'print a fresh private key (JWK) with which the gateway tells services who asks, and nothing else',
    )
    .addOption(
      new Option('--alg <algorithm>', 'signature algorithm').choices(['EdDSA', 'ES256']).default('EdDSA'),
    )
    .action(async (options) => finish((await import('./service-key.js')).serviceKey(context, options)));

  example(service.command('check'), 'weir service check fulfilment --with id=17')
    .description(
      'call each GET route of a service once, and say where answer and catalogue differ: names of fields, no values',
    )
    .argument('[service]', 'one of the catalogue (default: all of them)')
    .option('--with <name=value>', 'value of a parameter; may be given again', collectPair)
    .option('--token <token>', 'bearer token for services that still take one of their callers')
    .option('--role <role>', 'role that the signed principal names', 'service-check')
    .option(...folder)
    .option(...json)
    .option(...config)
    .action(async (name, options) =>
      finish((await import('./service-check.js')).serviceCheck(context, name, options)),
    );

  const log = program.command('log').description('read and verify the access log');
  example(log.command('verify'), 'weir log verify')
    .description(
      "verify the whole log: no gap in a writer's numbers, digests, limits; exit code 1 names the first bad entry",
    )
    .option('--from <time>', 'only from then on (limits are then not recomputed): 7d (ago), 2026-11-22')
    .option('--no-digests', 'leave the digest lists out, which is faster')
    .option(...json)
    .option(...config)
    .action(async (options) => finish((await import('./log-verify.js')).logVerify(context, options)));
  example(log.command('show'), 'weir log show --record orders/1234 --from 2h')
    .description('show entries of the log, newest first')
    .option('--person <person>', 'of one person: subject or name of the token, or an actor id')
    .option('--issuer <issuer>', 'issuer of --person, where there are several')
    .option('--record <table/key>', 'that released one record')
    .option('--subject <key>', 'that released a record about one customer')
    .addOption(new Option('--door <door>', 'through one door').choices(['rest', 'proxy', 'admin']))
    .addOption(
      new Option('--kind <kind>', 'of one kind').choices(['read', 'write', 'fill', 'refusal', 'admin']),
    )
    .option('--table <table>', 'of one table')
    .option('--reason <reason>', 'that gave this reason (Weir-Reason)')
    .option('--ticket <ticket>', 'that named this ticket (Weir-Ticket)')
    .option('--all', 'also what gateways say about themselves: open, heartbeat, close')
    .option('--from <time>', 'from then on: 2h (ago), 2026-11-22, 2026-11-22T14:05')
    .option('--to <time>', 'before then')
    .option('--limit <n>', 'entries at the most', parseCount, 50)
    .option(...json)
    .option(...config)
    .action(async (options) => finish((await import('./log-show.js')).logShow(context, options)));

  example(program.command('revoke'), 'weir revoke --person li.na --reason "laptop stolen" --until 8h')
    .description('let tokens no longer count, in every gateway within 2 s, answers under way included')
    .option('--person <person>', 'every token of a person, also one issued later')
    .option('--tool <tool>', 'every token of a staff tool (client_id)')
    .option('--jti <id>', 'one token, by its id (jti)')
    .option('--issuer <issuer>', 'only those of one issuer (default: of every issuer)')
    .option('--reason <text>', 'why; it is kept')
    .option('--until <time>', 'for how long: 8h (from now), 2026-11-22T14:05 (default: until lifted)')
    .option('--lift <number>', 'take one back, by its number', parseCount)
    .option('--list', 'show what is revoked')
    .option('--all', 'with --list: also what was lifted or has run out')
    .option(...json)
    .option(...config)
    .action(async (options) => finish((await import('./revoke.js')).revoke(context, options)));

  example(program.command('why'), 'weir why 0192f6a1-7c4e-4b1a-9a55-2f7d3c1b8e90')
    .description(
      'say what became of a request, for the help desk: who, when, outcome, what an error means; no data',
    )
    .argument('<request-id>', 'as the header weir-request-id, or "instance" of an error, has it')
    .option('--from <time>', 'look from then on: 30d (ago), 2026-11-22', '7d')
    .option(...json)
    .option(...config)
    .action(async (id, options) => finish((await import('./why.js')).why(context, id, options)));

  example(program.command('grants'), 'weir grants --login crm --writer erp > grants.sql')
    .description('print the SQL that closes the side door to the order database; nothing is executed')
    .option('--login <login>', 'login of a tool that now reads through Weir; may be given again', collect)
    .option('--writer <login>', 'login of a tool that still writes; may be given again', collect)
    .option('--reader <role>', 'role that Weir reads with (default: the user of orders.url)')
    .option(...folder)
    .option(...config)
    .action(async (options) => finish((await import('./policy-grants.js')).grants(context, options)));

  example(program.command('alerts'), 'weir alerts --from 24h')
    .description('list reads that were flagged as bulk reads, newest first')
    .option('--from <time>', 'from then on: 2h (ago), 2026-11-22', '24h')
    .option('--to <time>', 'before then')
    .option('--limit <n>', 'at the most', parseCount, 50)
    .option(...json)
    .option(...config)
    .action(async (options) => finish((await import('./alerts.js')).alerts(context, options)));
  return program;
}

function example(command: Command, line: string): Command {
  return command.addHelpText('after', `\nExample:\n  $ ${line}`);
}

function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

function collectPair(text: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_.:/-]{0,63})=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Write name=value.');
  return { ...earlier, [name]: value };
}

function parseCount(text: string): number {
  if (!/^[1-9][0-9]{0,6}$/.test(text)) throw new InvalidArgumentError('Write a whole number from 1 on.');
  return Number(text);
}
