/** The control plane of the demo, as one process or several. */
export interface Installation {
  readonly issuer: string;
  /** Contains the keys of the operator's commands, and the configuration with the issuer. */
  readonly dataFolder: string;
  /** The running processes, in the order in which they were started. */
  readonly processes: readonly InstallationProcess[];
  /** Whether the control plane is several processes, of which one can fail alone. */
  readonly isSplit: boolean;
  /** Restarts a killed process with its previous data. Resolves when it is ready. */
  start(name: string): Promise<InstallationProcess>;
  /** Sends SIGKILL. Resolves when the process has ended. */
  kill(name: string): Promise<InstallationProcess>;
  /** The secrets that are readable in the files of the process that runs these components. */
  secretsOf(group: 'core'): ProcessSecrets;
}

export interface InstallationProcess {
  readonly name: string;
  readonly pid: number;
  /** What only this process can do, for display. */
  readonly holds: readonly string[];
}

export interface ProcessSecrets {
  /** The secret from which the database passwords of one group's components are derived. */
  readonly rolesSecret: string;
  readonly database: { readonly host: string; readonly port: number; readonly database: string };
}
