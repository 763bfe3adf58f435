import * as z from 'zod';
import { quantity, whole } from './leaf.ts';
import { prefixes } from './net.ts';

/** What one tenant may use of what all share, and what it lets others reach. */

export const quota = z
  .strictObject({
    frames: quantity('Frames in flight', {
      min: 64,
      max: 1_000_000,
      reason: '2048 is eight full batches: enough for every port to be read while others write',
    }).prefault(2048),
    macs: quantity('Learned and static MAC addresses', { min: 1, max: 1_000_000 }).prefault(4096),
    neighbors: quantity('Neighbours of the router, static ones included', { min: 1, max: 500_000 }).prefault(1024),
    routes: quantity('Routes, those of routes_file included', {
      min: 1,
      max: 10_000_000,
      reason: 'a full Internet table has 1.1 million',
    }).prefault('2M'),
    acl_rules: quantity('Rules of all ACLs together', { min: 1, max: 1_000_000 }).prefault('10k'),
    rules: quantity('OpenFlow rules of all tables together', {
      min: 1,
      max: 200_000,
      reason: 'twice the 100,000 that a large policy has; a rule that nobody makes costs nothing',
    }).prefault('200k'),
    pps: quantity('Frames that the tenant’s ports may send together', {
      min: 1,
      max: 1e9,
      unit: 'frames/s',
    }).optional(),
    rate: quantity('Bits that the tenant’s ports may send together', {
      min: 1000,
      max: 1e12,
      unit: 'bit/s',
    }).optional(),
    weight: whole('Share of the workers’ time beside other tenants', { min: 1, max: 100 }).prefault(1),
  })
  .describe('Limits of the tenant; what exceeds them is dropped and counted, or refused in a configuration');

export const share = z
  .strictObject({
    export: z
      .record(z.string(), prefixes('Prefixes behind this tenant’s router that the other may import'))
      .prefault({})
      .describe('By tenant'),
    import: z
      .record(z.string(), prefixes('Prefixes of the other tenant that this tenant’s router reaches'))
      .prefault({})
      .describe('By tenant'),
  })
  .describe('Prefixes shared with other tenants, by their names; what one imports the other must export, both ways');
