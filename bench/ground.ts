/** What every bench stands on: databases, policies, people, orders to ask for, cores; made once a run. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { benchService, writeBenchPolicies } from './bench-policies.js';
import type { Cores } from './cores.js';
import { BenchDatabases } from './databases.js';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.js';
import type { Scale } from './options.js';
import { drawSample, type OrdersSample } from './orders-sample.js';
import {
  audience,
  digestKey,
  drawStaff,
  enterStaff,
  issuer,
  openTokenDesk,
  zone,
  type TokenDesk,
} from './staff.js';
import type { SubjectCode } from './subject-code.js';
import type { Person } from './subjects/messages.js';

export interface Ground {
  readonly scale: Scale;
  readonly cores: Cores;
  readonly code: SubjectCode;
  readonly databases: BenchDatabases;
  readonly policies: string;
  readonly staff: readonly Person[];
  readonly sample: OrdersSample;
  readonly rowsFile: string;
  readonly tokens: TokenDesk;
  readonly onProgress: (text: string) => void;
  /** For measured node processes. */
  readonly nodeArguments: readonly string[];
  /** A configuration for `weir`, with this store. @returns its file */
  writeConfig(name: string, storeUrl: string, serviceUrl?: string): Promise<string>;
  /** The built gateway on its cores. @param name of its configuration @param serviceUrl where nobody is, by default */
  startGateway(name: string, storeUrl: string, serviceUrl?: string): Promise<GatewayProcess>;
  close(): Promise<void>;
}

export interface GroundParts {
  /** Databases are kept here from run to run. */
  readonly directory: string;
  readonly scale: Scale;
  readonly cores: Cores;
  readonly code: SubjectCode;
  readonly nodeArguments: readonly string[];
  readonly onProgress: (text: string) => void;
}

const staffCount = 64;

export async function prepareGround(parts: GroundParts): Promise<Ground> {
  const { directory, scale, cores, code, nodeArguments, onProgress } = parts;
  const databases = await BenchDatabases.open(directory, scale, cores, onProgress);
  // After the cluster is ours, so that a second run on this directory does not disturb the first.
  const work = join(directory, 'run');
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    const policies = join(work, 'policies');
    await writeBenchPolicies(policies);
    onProgress('drawing orders and staff');
    const { ordersSuperuserUrl, ordersUrl } = databases;
    const sample = await drawSample(ordersSuperuserUrl, ordersUrl, policies, scale.sampledCustomers);
    const rowsFile = join(work, 'rows.json');
    await writeFile(rowsFile, JSON.stringify(sample.rows));
    const staff = drawStaff(staffCount);
    await databases.makeTemplate((runtimeUrl, superuserUrl) =>
      enterStaff(runtimeUrl, superuserUrl, staff, sample.customers, scale.customersSeenBefore),
    );
    const tokens = await openTokenDesk(work);
    const writeConfig = async (
      name: string,
      storeUrl: string,
      url = 'http://127.0.0.1:9',
    ): Promise<string> => {
      const file = join(work, `${name}.yaml`);
      await writeFile(
        file,
        JSON.stringify({
          http: { port: 0 },
          store: { url: storeUrl },
          orders: { url: ordersUrl },
          policies: { directory: policies },
          identity: { issuers: [{ issuer, audience, jwks: { file: tokens.jwksFile } }] },
          log: { digestKey, zone },
          services: { urls: [{ service: benchService, url }] },
          logLevel: 'info',
        }),
      );
      return file;
    };
    return {
      scale,
      cores,
      code,
      databases,
      policies,
      staff,
      sample,
      rowsFile,
      tokens,
      onProgress,
      nodeArguments,
      writeConfig,
      startGateway: async (name, storeUrl, serviceUrl) =>
        startGatewayProcess(
          code.dist,
          await writeConfig(name, storeUrl, serviceUrl),
          cores.measured,
          nodeArguments,
        ),
      close: () => databases.stop(),
    };
  } catch (error) {
    await databases.stop();
    throw error;
  }
}
