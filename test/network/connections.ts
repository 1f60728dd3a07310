/** What node itself opens a TCP connection with, below everything that could name it otherwise. */
interface Handle {
  connect(request: unknown, address: string, port: number): number;
  connect6(request: unknown, address: string, port: number): number;
}

const { TCP } = (process as unknown as { binding(name: string): { TCP: { prototype: Handle } } }).binding('tcp_wrap');

/** Every TCP connection that this process opens from now on, as `address:port`, until `stop`. */
export class Connections {
  readonly opened: string[] = [];
  private readonly before = { connect: TCP.prototype.connect, connect6: TCP.prototype.connect6 };

  constructor() {
    const { opened, before } = this;
    for (const how of ['connect', 'connect6'] as const) {
      TCP.prototype[how] = function (this: Handle, request, address, port) {
        opened.push(`${address}:${port}`);
        return before[how].call(this, request, address, port);
      };
    }
  }

  stop(): void {
    Object.assign(TCP.prototype, this.before);
  }
}
