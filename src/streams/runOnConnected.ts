import { catchError, defer, EMPTY, ignoreElements, type Observable } from 'rxjs';
import type { ConnectionConfig } from './connectionConfig.js';
import { fromYielded } from './input.js';
import type { RecoveryHooks } from './recovery.js';
import type { Session } from './session.js';
import { shownSession } from './shownSession.js';

/** What the user wants done on every connection. Emits nothing, and completes when it is done; its failure is told, and ends nothing. */
export function runOnConnected(
  { onConnected }: Pick<ConnectionConfig, 'onConnected'>,
  session: Session,
  isReconnect: boolean,
  hooks: Pick<RecoveryHooks, 'onHookFailed'>,
): Observable<never> {
  if (onConnected === undefined) return EMPTY;
  return defer(() =>
    fromYielded(onConnected(shownSession(session), { generation: session.generation, isReconnect })),
  ).pipe(
    ignoreElements(),
    catchError((error: unknown) => {
      hooks.onHookFailed('onConnected', error, session.generation);
      return EMPTY;
    }),
  );
}
