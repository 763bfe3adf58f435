import type { Command } from 'commander';
import type { CaptureOptions } from './capture.ts';
import { positive } from './positive.ts';
import type { TraceOptions } from './trace.ts';

/** Commands that look at single frames of a running switch. */
export function addLookCommands(program: Command, socket: string): void {
  program
    .command('trace')
    .description('tell what would happen to a frame, or happens to the next ones, stage by stage, and why')
    .argument('<tenant>', 'whose path')
    .argument('[frame]', 'the frame, or with --live which frames, in the syntax of ovs-ofctl')
    .option('--port <name>', 'port that receives it, if in_port does not say')
    .option('--frame <hex>', 'the bytes of the frame, from the Ethernet header on')
    .option('--pcap <file>', 'or a capture file')
    .option('--number <n>', 'which of its frames', positive, 1)
    .option('--live <k>', 'trace the next k frames that match, as they are forwarded', positive)
    .option('--socket <path>', 'control socket', socket)
    .option('--json', 'as JSON, a line each')
    .addHelpText(
      'after',
      `
Without --live nothing is sent, learned or counted. What is not said of a frame is what the station behind the port would write.

Examples:
  tapyard trace red in_port=web1,tcp,nw_dst=10.0.20.5,tp_dst=22
  tapyard trace red --port web1 --pcap lost.pcap --number 3
  tapyard trace red arp --live 5
  tapyard trace red in_port=web1,ipv6 --live 1 --json`,
    )
    .action(async (tenant: string, frame: string | undefined, options: TraceOptions) =>
      (await import('./trace.ts')).trace(tenant, frame, options),
    );

  program
    .command('capture')
    .description('capture frames of a tenant or a port, as they come in, leave and are dropped')
    .argument('<what>', 'a tenant, or a port: TENANT/PORT, or PORT where one tenant alone has it')
    .argument('[filter]', 'which frames, in the syntax of ovs-ofctl: in_port=web1,tcp,tp_dst=22')
    .option('-w, --write <file>', 'as pcapng into a file, or - for a pipe; without it a line is printed for each frame')
    .option('-c, --count <n>', 'end after so many frames', positive)
    .option('--snaplen <bytes>', 'keep so many bytes of each frame', positive)
    .option('--points <list>', 'where: ingress, egress, drop; all of them if not given')
    .option('--buffer <MiB>', 'memory that waits for the reader, for each worker (8)', positive)
    .option('--socket <path>', 'control socket', socket)
    .option('--json', 'without -w: a line of JSON for each frame; with it: the tally at the end as JSON')
    .addHelpText(
      'after',
      `
A capture never slows the switch down for long: what finds no room is lost, counted and told, in the file too.

Examples:
  tapyard capture red
  tapyard capture red/web1 arp -c 10
  tapyard capture red -w red.pcapng --points drop
  tapyard capture red tcp,tp_dst=22 -w - | tshark -r -`,
    )
    .action(async (what: string, filter: string | undefined, options: CaptureOptions) =>
      (await import('./capture.ts')).capture(what, filter, options),
    );
}
