import { createHash, createHmac } from 'node:crypto';
import type { FeedConfig, Schemas } from 'millrace';

interface Challenge {
  readonly challenge?: string;
}

/**
 * The server sends something to be signed, and drops who cannot: the signature is the one of Kraken Futures' challenge.
 * (Deribit does without a secret: its `test_request` wants a call of `public/test`.)
 *
 * `reply` may also yield a Promise, of WebCrypto say, or an Observable.
 */
export const challenge = <S extends Schemas>(
  config: FeedConfig<S>,
  secret: { readonly base64: string },
): FeedConfig<S> => ({
  ...config,
  heartbeat: {
    reply: (message) => {
      const { challenge: text } = message as Challenge;
      return text === undefined ? undefined : { challenge: text, signed: sign(text, secret.base64) };
    },
    ...config.heartbeat,
  },
});

export const sign = (text: string, base64: string): string =>
  createHmac('sha512', Buffer.from(base64, 'base64'))
    .update(createHash('sha256').update(text).digest())
    .digest('base64');
