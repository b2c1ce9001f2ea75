import { testAnyRequest } from '../support/property-shells.ts'

testAnyRequest(20_000)
