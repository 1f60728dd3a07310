import type { Settings } from '../../config.ts';
import { dateAt, whyUnknown, whoAnswers, type Place, type Somebody } from '../../network/knock.ts';
import { tunnelThrough } from '../../network/proxy.ts';
import { bad, good, note, spell, type Finding } from './finding.ts';

/** WhatsApp’s own apps complain from about there on. */
const CLOCK_OFF_MS = 60_000;

/** Whether the engine answers where it is said to, or could listen there. */
export async function checkAddresses({ host, port, publicUrl }: Settings, taken: boolean): Promise<Finding[]> {
  const near = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  const own = `http://${near.includes(':') ? `[${near}]` : near}:${port}`;
  const here = await whoAnswers(own);
  return [listening(own, here, taken), ...(publicUrl ? [reached(publicUrl, await whoAnswers(publicUrl))] : [])];
}

function listening(url: string, who: Somebody, taken: boolean): Finding {
  if (who === 'another') return bad(`Another program answers at ${url}`, 'Stop it, or set WARBLER_PORT.');
  if (who === 'warbler') {
    return taken
      ? good(`The engine answers at ${url}`)
      : bad(
          `A Warbler answers at ${url}, with another data folder`,
          'Set WARBLER_PORT or WARBLER_DATA_DIR for one of them.',
        );
  }
  if (!taken && who.code === 'ECONNREFUSED') return good(`${url} is free to listen on`);
  if (!taken) return bad(`${url} cannot be used (${who.code})`, 'Check WARBLER_HOST and WARBLER_PORT.');
  return bad(
    `The engine does not answer at ${url} (${who.code})`,
    'It listens elsewhere if it was started with another WARBLER_HOST or WARBLER_PORT; else look into its log.',
  );
}

function reached(publicUrl: string, who: Somebody): Finding {
  const { host } = new URL(publicUrl);
  if (who === 'warbler') return good(`WARBLER_PUBLIC_URL (${host}) leads to an engine`);
  const what = who === 'another' ? 'leads to another program' : `cannot be reached from here (${who.code})`;
  return note(
    `WARBLER_PUBLIC_URL (${host}) ${what}`,
    'Links to files need it. Check the name, the reverse proxy and its certificate.',
  );
}

const WHATSAPP: Place = { host: 'web.whatsapp.com', port: 443 };

/** The way to WhatsApp, straight and through the sessions' proxies, and the clock against WhatsApp's. */
export async function checkWhatsApp(
  settings: Pick<Settings, 'proxyNetworks'>,
  proxies: { session: number; url: string }[],
  place = WHATSAPP,
): Promise<Finding[]> {
  const reach = { networks: settings.proxyNetworks, setting: 'WARBLER_PROXY_NETWORKS' } as const;
  const through = proxies.map(async ({ session, url }): Promise<Finding> => {
    try {
      (await tunnelThrough(url, reach)(place.host, place.port)).destroy();
      return good(`Session ${session} gets to WhatsApp through its proxy`);
    } catch (error) {
      // A ProxyError names the proxy by host and port.
      return bad(`Session ${session}: ${(error as Error).message}`, 'Check its proxy_url, and that the proxy runs.');
    }
  });
  return [...(await straight(place)), ...(await Promise.all(through))];
}

async function straight({ host, port, ca }: Place): Promise<Finding[]> {
  const unknown = await whyUnknown(host);
  if (unknown) {
    return [
      bad(
        `The name ${host} is not known here (${unknown})`,
        'Check the DNS and the internet connection of this machine.',
      ),
    ];
  }
  try {
    const date = await dateAt({ host, port, ...(ca && { ca }) });
    return [good(`${host}:${port} is reached, and its certificate is valid`), ...clock(date)];
  } catch (error) {
    const { code = 'no connection' } = error as { code?: string };
    if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code)) {
      return [
        bad(
          `Whoever answers at ${host}:${port} has no valid certificate (${code})`,
          'Something intercepts the connection: a firewall, a virus scanner, a wrong DNS; or the clock is wrong.',
        ),
      ];
    }
    return [
      bad(
        `${host}:${port} cannot be reached (${code})`,
        'A firewall may be in the way. Sessions need it, unless they have a proxy_url.',
      ),
    ];
  }
}

function clock(date: string | undefined): Finding[] {
  const off = Math.abs(Date.now() - Date.parse(date ?? ''));
  if (Number.isNaN(off)) return [];
  if (off < CLOCK_OFF_MS) return [good('The clock is right')];
  return [
    bad(
      `The clock is off by ${spell(off)}`,
      'Set it (NTP): signatures of webhooks are refused, and messages carry wrong times.',
    ),
  ];
}
