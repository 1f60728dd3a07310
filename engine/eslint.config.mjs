import { plain } from '../eslint.plain.mjs';

export default [
  ...plain,
  {
    rules: {
      'no-restricted-globals': ['error', { name: 'console', message: 'Log with pino.' }],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Settings are read in config.ts, once.' },
      ],
    },
  },
  { files: ['config.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['whatsapp/hardening.ts'], rules: { 'no-restricted-globals': 'off' } },
];
