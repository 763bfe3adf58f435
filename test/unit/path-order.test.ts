import { expect, it } from 'vitest';
import { stageOrder } from '../../src/path/order.ts';
import { TestSwitch } from '../support/test-switch.ts';

const PORTS = 'bridge: {ports: {a: {memory: true}}}';
const EVERYTHING = `
  bridge: {ports: {a: {memory: true, port_security: {macs: ['02:00:00:00:00:01']}}}}
  router: {interfaces: {one: {vlan: 1, addresses: [10.0.0.1/24]}}}
  acls: {all: {rules: [{allow: any}], ingress: [a, {interface: one}], egress: [{vlan: 1}, {interface: one}]}}`;

it.each([
  ['nothing but a port', PORTS],
  ['a router', `${PORTS}\n    router: {interfaces: {one: {vlan: 1, addresses: [10.0.0.1/24]}}}`],
  ['everything', EVERYTHING.replaceAll('\n', '\n  ')],
])('a tenant with %s runs the stages that the order names, and says so', async (_name, tenant) => {
  const lab = await TestSwitch.of(`version: 1\ntenants:\n  red:\n    ${tenant.trimStart()}\n`);
  const path = lab.engine.tenants.paths[1]!;
  const order = stageOrder(path.image);
  expect(path.stages.map(({ name }) => name)).toEqual(order.in);
  expect(path.egress.stages.map(({ name }) => name)).toEqual(order.out);
  expect(
    lab
      .tenant('red')
      .stageNames()
      .slice(1)
      .map(({ stage }) => stage),
  ).toEqual([...order.in, ...order.out]);
});
