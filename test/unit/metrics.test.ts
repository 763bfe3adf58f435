import { describe, expect, test } from 'vitest';
import { formatOf, render } from '../../src/api/exposition.ts';
import { MetricsServer } from '../../src/api/server.ts';
import { UserError } from '../../src/errors.ts';

const families = [
  {
    name: 'tapyard_port_drop_total',
    type: 'counter' as const,
    help: 'Frames\ndropped \\ lost.',
    samples: [{ labels: { tenant: 'red', port: 'we"b\\1\n' }, value: 7 }],
  },
  { name: 'tapyard_up', type: 'gauge' as const, help: 'Up.', samples: [{ labels: {}, value: 1 }] },
];

describe('metrics as text', () => {
  test('follow the Prometheus format, with what would break a line escaped', () => {
    expect(render(families, 'prometheus')).toBe(
      [
        '# HELP tapyard_port_drop_total Frames\\ndropped \\\\ lost.',
        '# TYPE tapyard_port_drop_total counter',
        'tapyard_port_drop_total{tenant="red",port="we\\"b\\\\1\\n"} 7',
        '# HELP tapyard_up Up.',
        '# TYPE tapyard_up gauge',
        'tapyard_up 1',
        '',
      ].join('\n'),
    );
  });

  test('follow OpenMetrics when asked: the family of a counter has no _total, and the end is told', () => {
    const text = render(families, formatOf('application/openmetrics-text; version=1.0.0,text/plain;q=0.5'));
    expect(text).toContain('# TYPE tapyard_port_drop counter\ntapyard_port_drop_total{');
    expect(text.endsWith('\n# EOF\n')).toBe(true);
  });
});

describe('the metrics server', () => {
  test('answers /metrics, refuses the rest, and ends at once', async () => {
    const server = await MetricsServer.listen({ host: '127.0.0.1', port: 0 }, () => families);
    const base = `http://127.0.0.1:${server.port}`;
    const answer = await fetch(`${base}/metrics`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('version=0.0.4');
    expect(await answer.text()).toContain('tapyard_up 1');
    expect((await fetch(base)).status).toBe(404);
    expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(405);
    await expect(MetricsServer.listen({ host: '127.0.0.1', port: server.port }, () => [])).rejects.toBeInstanceOf(
      UserError,
    );
    server.close();
  });
});
