import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { withNetns } from '../../native-free/netns.ts';

/** Lets every group of a namespace open ICMP datagram sockets (icmp(7)). */
export function allowEcho(netns: string): void {
  withNetns(netns, () => writeFileSync('/proc/sys/net/ipv4/ping_group_range', '0 2147483647'));
}

/** A server in a namespace that greets whoever connects. Without an address `listen` opens its socket at once, so inside. */
export function greet(netns: string, port: number, greeting: string): Server {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`${greeting}\n`);
  });
  withNetns(netns, () => server.listen(port));
  return server;
}
