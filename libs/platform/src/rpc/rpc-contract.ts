/** Metadata key of `@RpcHandler`'s `RpcContract`, for the guard that checks the contract's scopes. */
export const RPC_CONTRACT = 'rookery:rpc-contract';
