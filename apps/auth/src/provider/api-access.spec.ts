import { API_SCOPES, grantableScopes } from './api-access';

describe('API scopes', () => {
  const all = API_SCOPES.join(' ');

  it('gives a customer only orders:read and orders:write of all that is requested', () => {
    expect(grantableScopes(API_SCOPES, all, ['customer']).sort()).toEqual(['orders:read', 'orders:write']);
  });

  it('gives an operator all', () => {
    expect(grantableScopes(API_SCOPES, all, ['operator']).sort()).toEqual([...API_SCOPES].sort());
  });

  it('never gives more than the client may hold, nor what was not requested', () => {
    expect(grantableScopes(['catalog:write', 'orders:read'], 'orders:read orders:write', ['operator'])).toEqual([
      'orders:read',
    ]);
    expect(grantableScopes(API_SCOPES, undefined, ['operator'])).toEqual([]);
  });
});
