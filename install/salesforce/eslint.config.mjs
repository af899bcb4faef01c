import recommended from '@salesforce/eslint-config-lwc/recommended.js';

export default [
    { ignores: ['**/*.mjs', '**/*.cjs'] },
    ...recommended,
    // Tests hand values to the adapter that the component wires.
    { files: ['**/__tests__/**'], rules: { '@lwc/lwc/no-unexpected-wire-adapter-usages': 'off' } }
];
