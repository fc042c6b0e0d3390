import { parseOptions, UsageError } from '../../../examples/watch/args.js';

const url = 'wss://feed.example.com/v1';

describe('parseOptions', () => {
  it('asks for the simulated exchange, with faults and until Ctrl-C, when nothing is said', () => {
    expect(parseOptions([])).toStrictEqual({ subscribe: [], route: 'type', seed: 1, faults: true });
  });

  it('reads what the simulated exchange can be told', () => {
    expect(parseOptions(['--seconds', '20', '--seed=7', '--no-faults'])).toStrictEqual({
      subscribe: [],
      route: 'type',
      seconds: 20,
      seed: 7,
      faults: false,
    });
  });

  it('reads a url, where its messages say what they are, and each subscribe message in order', () => {
    const argv = [
      url,
      '--subscribe',
      '{"op":"subscribe"}',
      '--route',
      'data.e',
      '--subscribe',
      '[1]',
      '--seconds',
      '0.5',
    ];
    expect(parseOptions(argv)).toStrictEqual({
      url,
      subscribe: [{ op: 'subscribe' }, [1]],
      route: 'data.e',
      seconds: 0.5,
      seed: 1,
      faults: true,
    });
  });

  it.each([[['--help']], [['-h']], [[url, '--help']]])('answers %j with help', (argv) => {
    expect(parseOptions(argv)).toBe('help');
  });

  it.each([
    [['--sceonds', '5'], /'--sceonds'/],
    [['--seconds'], /--seconds/],
    [['--seconds', '0'], "--seconds must be above 0 and at most 2147483, got '0'"],
    [['--seconds=-1'], /got '-1'/],
    [['--seconds', 'ten'], /got 'ten'/],
    [['--seconds', ''], /got ''/],
    [['--seconds', '2147484'], /got '2147484'/],
    [['--seed', '1.5'], "--seed must be a whole number from 0 to 4294967295, got '1.5'"],
    [['--seed', '4294967296'], /got '4294967296'/],
    [['https://feed.example.com'], 'the url must be ws:// or wss://, got https://'],
    [['feed.example.com'], 'the url cannot be parsed'],
    [[url, 'wss://b.example.com'], 'one url at most, got also wss://b.example.com'],
    [[url, '--subscribe', '{op}'], /--subscribe must be JSON/],
    [[url, '--route', 'a..b'], "--route must be a field or a dotted path, got 'a..b'"],
    [[url, '--route', ''], /--route must be/],
    [['--subscribe', '{}'], '--subscribe needs a url'],
    [['--route', 'e'], '--route needs a url'],
    [[url, '--seed', '2'], '--seed is for the simulated exchange, not for a url'],
    [[url, '--no-faults'], '--no-faults is for the simulated exchange, not for a url'],
  ])('refuses %j', (argv, message) => {
    expect(() => parseOptions(argv)).toThrow(UsageError);
    expect(() => parseOptions(argv)).toThrow(message);
  });

  it('does not repeat a url it cannot read, which may carry a token', () => {
    expect(() => parseOptions(['wss://user:secret@'])).toThrow(/^(?!.*secret)/);
  });

  it('says at compile time that help carries no options', () => {
    const options = parseOptions([]);
    // @ts-expect-error: 'help' has no url
    expect(options.url).toBeUndefined();
  });
});
