/** Within the data folder of a measured control plane, for its second node and for whoever fills its tables. */
export const databaseUrlFile = 'database-url';
