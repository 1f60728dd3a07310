interface Standing {
  manifests: Record<string, Record<string, unknown>>;
  lock: { packages: Record<string, Record<string, unknown>> };
  npmrc: string;
}

export const BAILEYS: { version: string; integrity: string };
export function findings(standing: Standing): string[];
export function advisories(audit: { status: number | null; stdout: string }): {
  skipped?: string;
  counts?: Record<string, number>;
  findings: string[];
};
export function standing(): Standing;
