import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/**
 * Rules for engine/ and test/, which are not part of the node package: n8n's own (no imports, no timers) stand in
 * eslint.config.mjs and cannot apply to them.
 */
export const plain = tseslint.config({ ignores: ['dist/**'] }, js.configs.recommended, tseslint.configs.recommended, {
  rules: {
    '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    '@typescript-eslint/no-explicit-any': 'error',
  },
  languageOptions: { globals: globals.node },
});
