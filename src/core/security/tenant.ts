/**
 * Tenants: the tenant NAME has all keys that begin with `NAME/`. So the tenant of a key follows
 * from the key, and no two tenants share one.
 */

/** The name before the first slash of a key; undefined if there is none. */
export function tenantOf(key: string): string | undefined {
  const end = key.indexOf('/');
  return end < 1 ? undefined : key.slice(0, end);
}

/** The beginning of all keys of a tenant. */
export const startOfTenant = (name: string): string => `${name}/`;
