export { CurrentActor, CurrentLease, requireActor } from './current-actor';
export {
  AccessTokenVerifier,
  TokenAlgorithms,
  TokenTypes,
  type AccessTokenRules,
  type AdmittedCaller,
} from './http/access-token.verifier';
export { bearerTokenOf } from './http/bearer-token';
export { InsufficientScope, InvalidToken, MissingToken } from './http/challenges';
export { hasExpired, leaseEnd } from './http/lease-end';
export { RequireScopes } from './http/scopes.guard';
export { internalJwksSetting, readInternalJwks, readSigningKey, signingKeySetting } from './rpc/internal-keys';
export {
  InternalTokenIssuer,
  InternalTokenVerifier,
  InvalidInternalToken,
  type InternalCall,
} from './rpc/internal-token';
export { sealingKeySetting } from './sealing/sealing-key';
export { TokenSealer } from './sealing/token-sealer';
export { SecurityModule, type HttpSecurity, type RpcSecurity } from './security.module';
