import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Tests are not part of the node package, so n8n's rules for it (no imports, no timers) do not apply to them. */
export default tseslint.config(js.configs.recommended, tseslint.configs.recommended, {
  rules: {
    '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    // A test knows what it has just looked up.
    '@typescript-eslint/no-non-null-assertion': 'off',
  },
  languageOptions: { globals: { process: 'readonly', console: 'readonly', Buffer: 'readonly', URL: 'readonly' } },
});
