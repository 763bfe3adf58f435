import type { QemuServer } from '../../control/config/model.ts';

/** Files that a machine finds open when it starts. */
export const MachineFd = { Tap: 3, Monitor: 4 } as const;

const PLATFORMS: Readonly<
  Record<string, { readonly program: string; readonly machine: string; readonly cpu: string }>
> = {
  x64: { program: 'qemu-system-x86_64', machine: 'pc', cpu: 'max' },
  arm64: { program: 'qemu-system-aarch64', machine: 'virt', cpu: 'max' },
};
const ACCELERATORS = { auto: ['kvm', 'tcg'], kvm: ['kvm'], tcg: ['tcg'] } as const;

export interface QemuCommand {
  readonly program: string;
  readonly words: readonly string[];
}

/**
 * How QEMU is called for a machine. Its serial console is our pipe, its monitor a socket at `MachineFd.Monitor`; a TAP is not opened
 * by name but handed over at `MachineFd.Tap`, so that it goes when we go.
 * Source: qemu(1), version 7.2.
 * @param name shown in the list of processes @param arch as Node names it
 */
export function qemuCommand(server: QemuServer, name: string, arch: string = process.arch): QemuCommand {
  const { program, machine, cpu } = PLATFORMS[arch] ?? PLATFORMS['x64'];
  const { nic, disk } = server;
  const words = [
    ...['-name', name, '-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-machine', machine, ...ACCELERATORS[server.accel].flatMap((accel) => ['-accel', accel]), '-cpu', cpu],
    ...['-smp', String(server.cpus), '-m', `${server.memory / 2 ** 20}M`],
    ...['-chardev', `socket,id=monitor,fd=${MachineFd.Monitor}`, '-mon', 'chardev=monitor,mode=readline'],
    ...['-serial', 'stdio', '-device', 'virtio-rng-pci'],
    ...(nic.kind === 'tap'
      ? ['-netdev', `tap,id=nic,fd=${MachineFd.Tap}`]
      : ['-netdev', `stream,id=nic,server=off,addr.type=unix,addr.path=${value(nic.path)}`]),
    // No firmware of the card's own: nothing is booted from the network.
    ...['-device', `virtio-net-pci,netdev=nic,mac=${server.mac},romfile=`],
  ];
  if (server.kernel !== null) words.push('-kernel', server.kernel);
  if (server.initrd !== null) words.push('-initrd', server.initrd);
  if (server.append !== null) words.push('-append', server.append);
  if (disk !== null) {
    const format = disk.endsWith('.qcow2') ? 'qcow2' : 'raw';
    words.push('-drive', `file=${value(disk)},if=virtio,format=${format}`);
  }
  return { program, words };
}

/** A value within one word of QEMU's, where a comma ends it and two are one. */
function value(text: string): string {
  return text.replaceAll(',', ',,');
}
