import { config } from 'rxjs';
import { reportErrors } from '../../src/sinks/reportErrors.js';

describe('reportErrors', () => {
  afterEach(() => {
    config.onUnhandledError = null;
  });

  it('calls at once, and hands on what is thrown when the present work is done', async () => {
    const log: unknown[] = [];
    const reported = new Promise<void>((resolve) => {
      config.onUnhandledError = (error) => {
        log.push(error);
        resolve();
      };
    });
    reportErrors(() => {
      log.push('called');
      throw new Error('broken');
    });
    log.push('going on');
    await reported;

    expect(log).toStrictEqual(['called', 'going on', new Error('broken')]);
  });
});
