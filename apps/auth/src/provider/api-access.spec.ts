import { API_SCOPES, grantableScopes } from './api-access';

describe('API scopes', () => {
  const all = API_SCOPES.join(' ');

  it('grant a customer only orders:read and orders:write of all requested scopes', () => {
    expect(grantableScopes(API_SCOPES, all, ['customer']).sort()).toEqual(['orders:read', 'orders:write']);
  });

  it('grant an operator all scopes', () => {
    expect(grantableScopes(API_SCOPES, all, ['operator']).sort()).toEqual([...API_SCOPES].sort());
  });

  it('never grant more than the client may hold or more than requested', () => {
    expect(grantableScopes(['catalog:write', 'orders:read'], 'orders:read orders:write', ['operator'])).toEqual([
      'orders:read',
    ]);
    expect(grantableScopes(API_SCOPES, undefined, ['operator'])).toEqual([]);
  });
});
