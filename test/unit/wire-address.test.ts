import { describe, expect, it } from 'vitest';
import * as address from '../../src/wire/address.ts';
import { formatMac, parseMac } from '../../src/wire/ethernet.ts';

const text = (from: string): string => address.parseAddress(from).text;

describe('addresses as text', () => {
  it('writes IPv6 as RFC 5952 asks', () => {
    expect(text('2001:0DB8:0:0:0:0:2:1')).toBe('2001:db8::2:1');
    expect(text('2001:db8:0:1:1:1:1:1')).toBe('2001:db8:0:1:1:1:1:1');
    expect(text('2001:0:0:1:0:0:0:1')).toBe('2001:0:0:1::1');
    expect(text('2001:db8:0:0:1:0:0:1')).toBe('2001:db8::1:0:0:1');
    expect(text('0:0:0:0:0:0:0:0')).toBe('::');
    expect(text('::1')).toBe('::1');
    expect(text('1::')).toBe('1::');
    expect(text('::ffff:10.0.0.1')).toBe('::ffff:10.0.0.1');
    expect(text('64:ff9b::192.0.2.33')).toBe('64:ff9b::c000:221');
  });

  it('keeps the bits of IPv4 unsigned', () => {
    expect(address.parseAddress('255.0.10.1')).toEqual({ family: 4, words: [0xff000a01], text: '255.0.10.1' });
  });

  it.each([
    ['10.0.0', /four numbers/],
    ['10.0.0.256', /four numbers/],
    ['10.0.0.01', /leading zeros/],
    ['1:2:3', /eight groups/],
    ['1:2:3:4:5:6:7:8:9', /eight groups/],
    ['1:2:3:4:5:6:7::8', /eight groups/],
    ['1::2::3', /may stand once/],
    ['1:2:3:4:5:6:7:8::', /eight groups/],
    [':1:2:3:4:5:6:7', /hexadecimal/],
    ['12345::', /hexadecimal/],
    ['fe80::1%eth0', /hexadecimal/],
    ['1.2.3.4::', /hexadecimal/],
    ['', /four numbers/],
  ])("refuses '%s' with a sentence", (wrong, sentence) => {
    expect(() => address.parseAddress(wrong)).toThrow(sentence);
  });

  it('parses prefixes and says which one was meant', () => {
    expect(address.parsePrefix('10.0.10.0/24')).toMatchObject({
      words: [0x0a000a00],
      length: 24,
      text: '10.0.10.0/24',
    });
    expect(address.parsePrefix('::/0').text).toBe('::/0');
    expect(address.parsePrefix('192.0.2.1').text).toBe('192.0.2.1/32');
    expect(() => address.parsePrefix('10.0.10.1/24')).toThrow('did you mean 10.0.10.0/24?');
    expect(() => address.parsePrefix('fd00::1:0:0:0:1/65')).toThrow('did you mean fd00:0:0:1::/65?');
    expect(() => address.parsePrefix('10.0.0.0/33')).toThrow('from 0 to 32');
    expect(() => address.parsePrefix('10.0.0.0/')).toThrow('prefix length');
    expect(() => address.parsePrefix('10.0.0.0/08')).toThrow('prefix length');
  });

  it('knows what a prefix contains', () => {
    const prefix = address.parsePrefix('128.0.0.0/1');
    expect(address.contains(prefix, address.parseAddress('255.1.2.3').words)).toBe(true);
    expect(address.contains(prefix, address.parseAddress('127.1.2.3').words)).toBe(false);
    expect(address.contains(prefix, address.parseAddress('8000::').words)).toBe(false);
    expect(address.contains(address.parsePrefix('fd00:10::/64'), address.parseAddress('fd00:10::ffff:1').words)).toBe(
      true,
    );
    expect(address.contains(address.parsePrefix('::/0'), address.parseAddress('ffff::').words)).toBe(true);
  });

  it('derives link-local, solicited-node and group addresses', () => {
    expect(address.linkLocalOf(parseMac('02:00:00:00:0a:01')).text).toBe('fe80::ff:fe00:a01');
    expect(address.linkLocalOf(parseMac('34:56:78:9a:bc:de')).text).toBe('fe80::3656:78ff:fe9a:bcde');
    expect(address.solicitedNodeOf(address.parseAddress('2001:db8::1:800e:8c6c').words).text).toBe('ff02::1:ff0e:8c6c');
    const group = address.multicastMacOf(address.parseAddress('239.255.1.2').words);
    expect(formatMac(group.high, group.low)).toBe('01:00:5e:7f:01:02');
    const nodes = address.multicastMacOf(address.parseAddress('ff02::1').words);
    expect(formatMac(nodes.high, nodes.low)).toBe('33:33:00:00:00:01');
  });

  it('refuses what is not a MAC address', () => {
    expect(parseMac('FF-ff-00-00-0A-80')).toEqual({ high: 0xffff, low: 0x0a80 });
    for (const wrong of ['', '02:00:00:00:0a', '02:00:00:00:0a:1', '02:00:00:00:0a:0g', '02-00:00:00:0a:01']) {
      expect(() => parseMac(wrong)).toThrow('is not a MAC address');
    }
  });
});
