import { createServer } from 'node:net';
import { freePorts, requireFreePorts } from './ports';

describe('the check of the ports', () => {
  it('names a taken port and the variable that moves it', async () => {
    const [port = 0] = await freePorts(1);
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve));
    try {
      await expect(requireFreePorts([{ what: 'gateway', port, variable: 'GATEWAY_PORT' }])).rejects.toThrow(
        new RegExp(`Port ${port} \\(gateway\\) is taken; GATEWAY_PORT=`),
      );
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
  });

  it('passes when all are free', async () => {
    const [port = 0] = await freePorts(1);
    await expect(requireFreePorts([{ what: 'gateway', port, variable: 'GATEWAY_PORT' }])).resolves.toBeUndefined();
  });
});

describe('a free port', () => {
  it('is none that an outgoing connection may be given', async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
    expect(ports.filter((port) => port >= 32_768)).toEqual([]);
  });
});
