/** What a demo says once it serves: where it is, who may ask, and one line to paste for each door. */

export interface BannerFacts {
  readonly address: string;
  readonly directory: string;
  /** Set where the folder is not the default, so that pasted lines find it. */
  readonly dataVariable: string | undefined;
  readonly sample: DemoSample;
  /** The order service itself, and what tools present to it. */
  readonly service: { readonly address: string; readonly token: string };
  /** Where Weir has it; undefined where the catalogue does not. */
  readonly prefix: string | undefined;
  readonly roles: readonly { readonly role: string; readonly about: string }[];
}

/** What there is to ask for. */
export interface DemoSample {
  /** An order, and the region that it lies in. */
  readonly orderNo: string;
  readonly region: string;
  /** A shipment of the order service's. */
  readonly shipment: string;
}

/** @returns lines, the last of which says that it is ready */
export function demoBanner(facts: BannerFacts): string {
  const { address, sample, service } = facts;
  const weir = `${facts.dataVariable === undefined ? '' : `WEIR_DATA_DIR=${quote(facts.dataVariable)} `}npx weir`;
  const width = Math.max(...facts.roles.map(({ role }) => role.length));
  const curl = (token: string, ...rest: string[]) =>
    `  curl -H "Authorization: Bearer $(${weir} token ${token})" ${rest.join(' ')}`;
  return [
    '',
    `Weir, demo: a synthetic shop and keys that are good for nothing else. It lives in ${facts.directory}`,
    '',
    'Roles:',
    ...facts.roles.map(({ role, about }) => `  ${role.padEnd(width)}  ${about}`),
    '',
    'One order, as a support agent sees it (REST door):',
    curl(
      `--role support-agent --sub li.na --claim region=${sample.region}`,
      "-H 'Weir-Reason: call'",
      `'${address}/rest/orders?order_no=eq.${sample.orderNo}'`,
    ),
    ...(facts.prefix === undefined
      ? []
      : [
          'A shipment of the order service, as the same agent sees it (proxy door):',
          curl(
            '--role support-agent --sub li.na',
            "-H 'Weir-Reason: call'",
            `'${address}${facts.prefix}/shipments/${sample.shipment}'`,
          ),
        ]),
    'The same, as the service itself gives it to whoever holds its token:',
    `  curl -H 'Authorization: Bearer ${service.token}' '${service.address}/shipments/${sample.shipment}'`,
    'What security sees (admin door):',
    curl('--role security --sub wang.min', `'${address}/admin/alerts'`),
    'Who read what:',
    `  ${weir} log show    and    ${weir} log verify`,
    `For monitoring: ${address}/healthz  ${address}/readyz  ${address}/metrics`,
    'Ctrl-C stops it all; npm start goes on where it left off.',
    '',
    `weir ready on ${address} (demo)`,
    '',
  ].join('\n');
}

function quote(text: string): string {
  return /^[A-Za-z0-9_./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
